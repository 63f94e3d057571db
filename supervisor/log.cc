// SPDX-License-Identifier: Apache-2.0
#include "supervisor/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>

#include "core/printable.h"

namespace supervisor {

namespace {

/// %* in a pattern: the syslog priority that sd-daemon(3) wants as "<N>".
class PriorityFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& text) override {
    constexpr char kPriorities[] = {'7', '7', '6', '4', '3', '2', '6'};
    const auto level = static_cast<std::size_t>(message.level);
    text.push_back('<');
    text.push_back(kPriorities[level]);
    text.push_back('>');
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PriorityFlag>();
  }
};

/// %~ in a pattern: the message. Paths and arguments are in it, so it is one
/// line and moves no cursor.
class ShownFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& text) override {
    const std::string shown =
        core::printable({message.payload.data(), message.payload.size()});
    text.append(shown.data(), shown.data() + shown.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<ShownFlag>();
  }
};

/// Whether standard error is the stream that JOURNAL_STREAM names as
/// "device:inode" (systemd.exec(5)).
bool stderr_is_journal() {
  const char* const named = std::getenv("JOURNAL_STREAM");
  struct stat facts = {};
  if (named == nullptr || ::fstat(STDERR_FILENO, &facts) < 0) return false;
  return std::to_string(facts.st_dev) + ':' + std::to_string(facts.st_ino) ==
         named;
}

}  // namespace

void start_log(std::string_view name, Verbosity verbosity) {
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_st>();
  auto logger = std::make_shared<spdlog::logger>(std::string(name), sink);
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<PriorityFlag>('*').add_flag<ShownFlag>('~').set_pattern(
      stderr_is_journal() ? "%*%n: %~"
                          : "%Y-%m-%d %H:%M:%S.%e %n[%P] %^%l%$: %~");
  logger->set_formatter(std::move(formatter));
  logger->set_level(verbosity == Verbosity::kVerbose ? spdlog::level::debug
                                                     : spdlog::level::info);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace supervisor
