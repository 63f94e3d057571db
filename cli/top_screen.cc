// SPDX-License-Identifier: Apache-2.0
#include "cli/top_screen.h"

#include <algorithm>
#include <iterator>

#include "cli/job_text.h"
#include "core/limit_terms_text.h"
#include "core/limit_text.h"
#include "sys/clock.h"

namespace cli {
namespace {

constexpr std::string_view kKeys =
    "c m i p t a n: sort  r: reverse  arrows: select  k: kill  q: quit";
/// Lines that are not the list: summary, titles, the limits, the keys.
constexpr std::size_t kFrame = 4;
constexpr std::size_t kBarWidth = 8;

/// One column of the table: its title, its width, and the cell of a row.
struct TopColumn {
  std::string_view title;
  std::size_t width;
  bool is_right;
  std::string (*cell)(const TopRow& row);
};

std::string cell_job(const TopRow& row) {
  return row.job.name.empty() ? core::display(row.job.jid).c_str()
                              : row.job.name;
}
std::string cell_user(const TopRow& row) {
  return user_name(row.job.owner);
}
std::string cell_cpu(const TopRow& row) {
  if (!row.cpu_permille) return "-";
  const std::uint64_t permille = *row.cpu_permille;
  std::string text = std::to_string(permille / 10);
  if (permille < 1000) text += "." + std::to_string(permille % 10);
  return text;
}
std::string cell_time(const TopRow& row) {
  return row.cpu_time ? short_time(*row.cpu_time) : "-";
}
std::string cell_memory(const TopRow& row) {
  if (!row.memory) return "-";
  return (row.is_sum ? "~" : "") + short_size(*row.memory);
}
std::string cell_io(const TopRow& row) {
  return row.io_rate ? short_size(core::Bytes(*row.io_rate)) : "-";
}
std::string cell_processes(const TopRow& row) {
  return row.processes ? std::to_string(*row.processes) : "-";
}
std::string cell_limit(const TopRow& row) {
  const LimitUse* const limit = tightest(row);
  if (limit == nullptr) return row.limits.empty() ? "" : "-";
  std::string word = core::row_of(limit->kind).word;
  word.resize(4, ' ');
  return word + " " + bar(*percent_of(*limit), kBarWidth);
}
std::string cell_state(const TopRow& row) {
  const bool is_usual = row.job.state == core::JobState::kRunning &&
                        row.job.freezing == core::Freezing::kNo;
  const std::string command = command_line(row.job);
  if (is_usual) return command;
  return std::string(state_word(row.job)) + (command.empty() ? "" : ": ") +
         command;
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr TopColumn kColumns[] = {
    {"JOB", 18, false, cell_job},      {"USER", 8, false, cell_user},
    {"CPU%", 5, true, cell_cpu},       {"TIME", 6, true, cell_time},
    {"MEM", 5, true, cell_memory},     {"IO/s", 4, true, cell_io},
    {"PROC", 4, true, cell_processes}, {"LIMIT", 18, false, cell_limit},
    {"COMMAND", 0, false, cell_state},  // what is left of the line
};
// NOLINTEND(modernize-use-designated-initializers)

std::string padded(std::string_view text, std::size_t width, bool is_right) {
  const std::string_view cut = fit(text, width);
  const std::string space(width - std::min(width, columns_of(cut)), ' ');
  return is_right ? space + std::string(cut) : std::string(cut) + space;
}

/// The cells side by side; the last has no end of its own.
template <class CellOf>
std::string line_of(const CellOf& cell_of) {
  std::string line;
  for (const TopColumn& column : kColumns) {
    const std::string text = printable(cell_of(column));
    if (column.width == 0) return line + text;
    line += padded(text, column.width, column.is_right) + " ";
  }
  return line;
}

std::string title_line() {
  return line_of(
      [](const TopColumn& column) { return std::string(column.title); });
}
std::string row_line(const TopRow& row) {
  return line_of([&row](const TopColumn& column) { return column.cell(row); });
}

std::string fitted(std::string_view text, const Screen& screen) {
  std::string line(screen.width > 0 ? fit(text, screen.width) : text);
  while (line.ends_with(' '))
    line.pop_back();
  return line;
}

std::string summary_of(const std::vector<TopRow>& rows,
                       const TopChoice& choice) {
  std::uint64_t permille = 0;
  std::uint64_t processes = 0;
  for (const TopRow& row : rows) {
    permille += row.cpu_permille.value_or(0);
    processes += row.processes.value_or(0);
  }
  std::string text = "corral top: " + std::to_string(rows.size()) +
                     (rows.size() == 1 ? " job, " : " jobs, ") +
                     std::to_string(processes) + " processes, cpu " +
                     std::to_string(permille / 10) + "%, by " +
                     std::string(word_of(choice.order));
  if (choice.is_reversed) text += ", reversed";
  return text;
}

std::string use_of(const LimitUse& limit) {
  const auto amount = [&limit](std::uint64_t value) {
    switch (core::row_of(limit.kind).unit) {
      case core::LimitUnit::kMicroseconds:
        return short_time(core::Microseconds(value));
      case core::LimitUnit::kBytes:
        return short_size(core::Bytes(value));
      default:
        return core::shown_bound(limit.kind, value);
    }
  };
  std::string text = core::row_of(limit.kind).word;
  if (const auto percent = percent_of(limit))
    text += " " + bar(*percent, kBarWidth);
  return text + " " + (limit.used ? amount(*limit.used) : "-") + "/" +
         amount(limit.bound);
}

/// The limits of the selected job.
std::string limits_line(const std::vector<TopRow>& rows,
                        const TopChoice& choice) {
  const auto at = std::ranges::find_if(rows, [&choice](const TopRow& row) {
    return row.job.jid == choice.selected;
  });
  if (at == rows.end()) return "";
  std::string text = cell_job(*at) + ":";
  for (const LimitUse& limit : at->limits)
    text += "  " + use_of(limit);
  return printable(at->limits.empty() ? text + " no limits" : text);
}

/// Brings the selected job into sight.
void scroll(const std::vector<TopRow>& rows, std::size_t room,
            TopChoice& choice) {
  const auto at = std::ranges::find_if(rows, [&choice](const TopRow& row) {
    return row.job.jid == choice.selected;
  });
  const auto index = static_cast<std::size_t>(at - rows.begin());
  if (at != rows.end() && index < choice.first) choice.first = index;
  if (at != rows.end() && index >= choice.first + room)
    choice.first = index - room + 1;
  const std::size_t last = rows.size() > room ? rows.size() - room : 0;
  choice.first = std::min(choice.first, last);
}

std::string shown_row(const TopRow& row, const Screen& screen,
                      const TopChoice& choice) {
  const std::string line = fitted(row_line(row), screen);
  const bool is_selected = row.job.jid == choice.selected;
  return is_selected ? "\x1B[7m" + line + "\x1B[0m" : line;
}

}  // namespace

std::string bar(unsigned percent, std::size_t width) {
  const std::size_t full = std::min<std::size_t>(percent, 100) * width / 100;
  return std::string(full, '#') + std::string(width - full, '-') + " " +
         std::to_string(percent) + "%";
}

std::string_view word_of(TopOrder order) {
  static constexpr std::string_view kWords[] = {
      "cpu", "memory", "io", "processes", "time", "age", "name"};
  static_assert(std::size(kWords) ==
                static_cast<std::size_t>(TopOrder::kLast) + 1);
  return kWords[static_cast<std::size_t>(order)];
}

std::string top_table(const std::vector<TopRow>& rows, const Screen& screen) {
  std::string text = fitted(title_line(), screen) + "\n";
  for (const TopRow& row : rows)
    text += fitted(row_line(row), screen) + "\n";
  return text;
}

std::vector<std::string> top_screen(const std::vector<TopRow>& rows,
                                    const Screen& screen, std::size_t height,
                                    TopChoice& choice) {
  std::vector<std::string> lines;
  lines.push_back(fitted(summary_of(rows, choice), screen));
  lines.push_back(
      coloured(screen, Colour::kStrong, fitted(title_line(), screen)));
  const std::size_t room = height > kFrame ? height - kFrame : 0;
  scroll(rows, room, choice);
  for (std::size_t i = choice.first; i < rows.size() && i < choice.first + room;
       ++i)
    lines.push_back(shown_row(rows[i], screen, choice));
  lines.resize(std::max(height, kFrame) - 2);
  lines.push_back(fitted(limits_line(rows, choice), screen));
  const std::string last =
      choice.message.empty() ? std::string(kKeys) : printable(choice.message);
  lines.push_back(coloured(screen, Colour::kFaint, fitted(last, screen)));
  // A screen that is too low keeps its last lines: they ask and answer.
  if (lines.size() > height)
    lines.erase(lines.begin(),
                lines.end() - static_cast<std::ptrdiff_t>(height));
  return lines;
}

}  // namespace cli
