// SPDX-License-Identifier: Apache-2.0
#include "cli/full_screen.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace cli {
namespace {

// The alternate screen, without a cursor; and back.
constexpr std::string_view kEnter = "\x1B[?1049h\x1B[?25l\x1B[2J";
constexpr std::string_view kLeave = "\x1B[?25h\x1B[?1049l";

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

sys::SignalSet wanted_signals() {
  sys::SignalSet set = sys::SignalSet::none();
  for (const int number : kEnding)
    set.add(core::SignalNumber(number));
  for (const int number : {SIGTSTP, SIGCONT, SIGWINCH})
    set.add(core::SignalNumber(number));
  return set;
}

/// All of it; a terminal that has gone takes nothing, which its SIGHUP tells.
void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
}

bool is_ending(int number) {
  for (const int ending : kEnding)
    if (ending == number) return true;
  return false;
}

}  // namespace

core::Result<FullScreen> FullScreen::take() {
  FullScreen screen;
  if (::isatty(STDOUT_FILENO) == 0 ||
      ::tcgetattr(STDIN_FILENO, &screen.before_) < 0)
    return core::fail(ENOTTY, "take the terminal");
  const sys::SignalSet wanted = wanted_signals();
  screen.signals_ = TRY(sys::make_signal_fd(wanted));
  (void)::sigprocmask(SIG_BLOCK, wanted.get(), screen.mask_.get());
  screen.is_taken_ = true;
  TRY(screen.enter());
  return screen;
}

FullScreen::FullScreen(FullScreen&& other) noexcept
    : is_taken_(std::exchange(other.is_taken_, false)),
      before_(other.before_),
      mask_(other.mask_),
      signals_(std::move(other.signals_)),
      ending_signal_(other.ending_signal_) {}

FullScreen::~FullScreen() {
  if (!is_taken_) return;
  leave();
  (void)::sigprocmask(SIG_SETMASK, mask_.get(), nullptr);
}

core::Result<void> FullScreen::enter() const {
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  if (::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
    return core::fail(errno, "tcsetattr");
  write_all(kEnter);
  return {};
}

void FullScreen::leave() const {
  write_all(kLeave);
  (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

FullScreen::Signalled FullScreen::stop_and_go_on() const {
  leave();
  // Unblocked it stops us here, until somebody continues us.
  sys::SignalSet blocked = sys::SignalSet::none();
  (void)::sigprocmask(SIG_SETMASK, mask_.get(), blocked.get());
  (void)::raise(SIGTSTP);
  (void)::sigprocmask(SIG_SETMASK, blocked.get(), nullptr);
  (void)enter();
  return Signalled::kRedraw;
}

FullScreen::Signalled FullScreen::take_signals() {
  Signalled what = Signalled::kNothing;
  signalfd_siginfo info = {};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    const auto number = static_cast<int>(info.ssi_signo);
    // Blocked, an ignored signal comes all the same.
    if (sys::SignalAction::of(core::SignalNumber(number)).is_ignored())
      continue;
    if (is_ending(number)) {
      ending_signal_ = number;
      return Signalled::kEnd;
    }
    if (number == SIGTSTP) what = stop_and_go_on();
    if (number == SIGCONT) (void)enter();
    if (number == SIGCONT || number == SIGWINCH) what = Signalled::kRedraw;
  }
  return what;
}

FullScreen::Size FullScreen::size() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 ||
      size.ws_col == 0)
    return {};
  return {.rows = size.ws_row, .columns = size.ws_col};
}

void FullScreen::draw(const std::vector<std::string>& lines) {
  std::string text = "\x1B[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += "\n";  // which the terminal makes a new line of
    text += lines[i] + "\x1B[K";
  }
  write_all(text + "\x1B[J");
}

}  // namespace cli
