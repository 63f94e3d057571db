// SPDX-License-Identifier: Apache-2.0
// corral top: a live view of jobs. It looks again by a timer, as what it shows
// has no event; nothing of the instance has one for it.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <span>

#include "cli/connection.h"
#include "cli/full_screen.h"
#include "cli/handlers.h"
#include "cli/output.h"
#include "cli/top_sampler.h"
#include "cli/top_screen.h"
#include "cli/value_types.h"
#include "core/number_text.h"
#include "sys/clock.h"

namespace cli {
namespace {

constexpr core::Microseconds kUsualDelay = core::seconds(2);
/// A person waits at the screen: an instance that is away is said to be.
constexpr bus::ClientOptions kImpatient = {.reconnect_within = core::seconds(2),
                                           .answer_within = core::seconds(5)};

struct TopOptions {
  core::Microseconds delay = kUsualDelay;
  std::uint64_t times = 0;  ///< tables to print; 0: until it is ended
  bool is_json = false;
};

TopOptions options_of(const Arguments& arguments) {
  TopOptions options;
  if (const auto delay = arguments.value("delay"))
    options.delay = std::max(*parse_duration(*delay), core::milliseconds(100));
  if (const auto times = arguments.value("times"))
    options.times = core::parse_number(*times, UINT32_MAX).value_or(1);
  if (arguments.has("once")) options.times = 1;
  options.is_json = arguments.has("json");
  return options;
}

// --- tables, one below the other

void print_rows(std::vector<TopRow> rows, const TopOptions& options) {
  sort_rows(rows, TopOrder::kCpu, false);
  print(options.is_json ? rows_json(rows, sys::real_now())
                        : top_table(rows, screen_of(STDOUT_FILENO)));
  (void)std::fflush(stdout);
}

/// False once nobody reads any more.
bool pause(core::Microseconds delay) {
  pollfd output = {.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  const auto ms = static_cast<int>(delay.raw() / 1000);
  if (::poll(&output, 1, ms) > 0) (void)::raise(SIGPIPE);
  return output.revents == 0 && std::ferror(stdout) == 0;
}

int print_tables(bus::Client& client, const TopOptions& options) {
  TopSamples before;
  for (std::uint64_t i = 0; options.times == 0 || i < options.times; ++i) {
    if (i > 0 && !pause(options.delay)) return kFailure;
    auto now = sample_jobs(client);
    if (!now) return complain(now.error());
    if (i > 0 && !options.is_json) print("\n");
    print_rows(top_rows(before, *now), options);
    before = *std::move(now);
  }
  return kSuccess;
}

// --- the screen

class TopView {
 public:
  TopView(bus::Client& client, FullScreen& screen, core::Microseconds delay)
      : client_(client), screen_(screen), delay_(delay) {}

  /// Until somebody has had enough. Returns the signal that ended it, or 0.
  int run() {
    refresh();
    while (!is_over_) {
      draw();
      wait();
    }
    return screen_.ending_signal();
  }

 private:
  struct Key {
    std::string_view bytes;
    void (TopView::*act)();
  };
  static std::span<const Key> known_keys();

  void refresh() {
    next_ = sys::boot_now() + delay_;
    auto now = sample_jobs(client_);
    if (!now) {
      choice_.message = now.error().text;
      return;
    }
    rows_ = top_rows(before_, *now);
    before_ = *std::move(now);
    arrange();
  }

  void arrange() {
    sort_rows(rows_, choice_.order, choice_.is_reversed);
    const bool has_selected = std::ranges::any_of(
        rows_,
        [this](const TopRow& row) { return row.job.jid == choice_.selected; });
    if (!has_selected) choice_.selected.reset();
    if (!choice_.selected && !rows_.empty())
      choice_.selected = rows_.front().job.jid;
  }

  void draw() {
    const FullScreen::Size size = FullScreen::size();
    Screen screen = screen_of(STDOUT_FILENO);
    screen.width = size.columns;
    FullScreen::draw(top_screen(rows_, screen, size.rows, choice_));
  }

  void wait() {
    const auto left = (next_ - sys::boot_now()).raw() / 1000 + 1;
    pollfd polls[] = {{.fd = screen_.signals(), .events = POLLIN, .revents = 0},
                      {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}};
    const int count = ::poll(polls, std::size(polls), static_cast<int>(left));
    if (count < 0 && errno != EINTR) is_over_ = true;
    if (polls[0].revents != 0 &&
        screen_.take_signals() == FullScreen::Signalled::kEnd)
      is_over_ = true;
    if (polls[1].revents != 0 && !is_over_) take_keys();
    if (!is_over_ && sys::boot_now() >= next_) refresh();
  }

  void take_keys() {
    char buffer[64];
    const ssize_t size = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0) {  // the terminal has gone
      is_over_ = true;
      return;
    }
    std::string_view keys(buffer, static_cast<std::size_t>(size));
    while (!keys.empty() && !is_over_)
      keys.remove_prefix(take_key(keys));
  }

  /// Returns how many bytes the key is long.
  std::size_t take_key(std::string_view keys) {
    if (asked_) {
      answer(keys[0]);
      return 1;
    }
    choice_.message.clear();
    for (const Key& key : known_keys()) {
      if (!keys.starts_with(key.bytes)) continue;
      (this->*key.act)();
      return key.bytes.size();
    }
    return keys[0] == '\x1B' ? keys.size() : 1;  // a key that is unknown
  }

  template <TopOrder kOrder>
  void order_by() {
    choice_.order = kOrder;
    arrange();
  }
  void reverse() {
    choice_.is_reversed = !choice_.is_reversed;
    arrange();
  }
  void end() { is_over_ = true; }

  void move(std::ptrdiff_t by) {
    const auto at = std::ranges::find_if(rows_, [this](const TopRow& row) {
      return row.job.jid == choice_.selected;
    });
    if (at == rows_.end()) return;
    const auto last = static_cast<std::ptrdiff_t>(rows_.size()) - 1;
    const auto to =
        std::clamp(at - rows_.begin() + by, std::ptrdiff_t{0}, last);
    choice_.selected = rows_[static_cast<std::size_t>(to)].job.jid;
  }
  void up() { move(-1); }
  void down() { move(1); }
  void page_up() { move(-kPage); }
  void page_down() { move(kPage); }

  void ask_to_kill() {
    if (!choice_.selected) return;
    asked_ = choice_.selected;
    choice_.message = "end job " + name_of(*asked_) + "? y: yes, any other: no";
  }
  void answer(char key) {
    const core::JobId jid = *std::exchange(asked_, std::nullopt);
    choice_.message.clear();
    if (key != 'y' && key != 'Y') return;
    const auto done = client_.end(jid, {});
    choice_.message =
        done ? "job " + name_of(jid) + " is told to end" : done.error().text;
  }
  [[nodiscard]] std::string name_of(core::JobId jid) const {
    for (const TopRow& row : rows_)
      if (row.job.jid == jid && !row.job.name.empty())
        return "'" + row.job.name + "'";
    return core::display(jid).c_str();
  }

  static constexpr std::ptrdiff_t kPage = 10;

  bus::Client& client_;
  FullScreen& screen_;
  core::Microseconds delay_;
  core::BootTime next_;
  TopSamples before_;
  std::vector<TopRow> rows_;
  TopChoice choice_;
  std::optional<core::JobId> asked_;  ///< whether it is to be killed
  bool is_over_ = false;
};

std::span<const TopView::Key> TopView::known_keys() {
  // NOLINTBEGIN(modernize-use-designated-initializers): a table
  static constexpr Key kKeys[] = {
      {"c", &TopView::order_by<TopOrder::kCpu>},
      {"m", &TopView::order_by<TopOrder::kMemory>},
      {"i", &TopView::order_by<TopOrder::kIo>},
      {"p", &TopView::order_by<TopOrder::kProcesses>},
      {"t", &TopView::order_by<TopOrder::kTime>},
      {"a", &TopView::order_by<TopOrder::kAge>},
      {"n", &TopView::order_by<TopOrder::kName>},
      {"r", &TopView::reverse},
      {"k", &TopView::ask_to_kill},
      {" ", &TopView::refresh},
      {"q", &TopView::end},
      {"\x1B[A", &TopView::up},
      {"\x1B[B", &TopView::down},
      {"\x1BOA", &TopView::up},
      {"\x1BOB", &TopView::down},
      {"\x1B[5~", &TopView::page_up},
      {"\x1B[6~", &TopView::page_down},
  };
  // NOLINTEND(modernize-use-designated-initializers)
  return kKeys;
}

int show_screen(bus::Client& client, const TopOptions& options) {
  int signal = 0;
  {
    auto screen = FullScreen::take();
    if (!screen) return complain(screen.error());
    signal = TopView(client, *screen, options.delay).run();
  }
  // The terminal is as it was: what was to end us does.
  if (signal != 0) (void)::raise(signal);
  return kSuccess;
}

}  // namespace

int show_top(const Arguments& arguments) {
  const auto delay = arguments.value("delay");
  if (delay && parse_duration(*delay) == core::Microseconds())
    return complain("option '--delay' has the value '" + std::string(*delay) +
                        "'; expected a time above 0; 100ms is the least "
                        "that is waited",
                    kMisused);
  const TopOptions options = options_of(arguments);
  const bool is_for_people = options.times == 0 && !options.is_json &&
                             ::isatty(STDIN_FILENO) == 1 &&
                             ::isatty(STDOUT_FILENO) == 1;
  auto client = connect(which_instance(arguments), kImpatient);
  if (!client) return complain(client.error());
  return is_for_people ? show_screen(*client, options)
                       : print_tables(*client, options);
}

}  // namespace cli
