// SPDX-License-Identifier: Apache-2.0
#include "accounting/text/report_pages.h"

#include <algorithm>
#include <span>

namespace accounting {

namespace {

constexpr std::size_t kBodyLines = 56;  // of 66
constexpr std::size_t kWidth = 72;
constexpr std::size_t kPageLines = 66;

/// Title in the middle between date and page number, one blank at least.
std::string heading(std::string_view title, std::string_view date,
                    std::size_t number) {
  const std::string page = "Page " + std::to_string(number);
  const std::size_t used = date.size() + title.size() + page.size();
  const std::size_t left = used < kWidth ? kWidth - used : 0;
  const auto blanks = [](std::size_t count) {
    return std::string(std::max<std::size_t>(count, 1), ' ');
  };
  std::string text = "\n\n";
  text.append(date).append(blanks(left / 2)).append(title);
  text.append(blanks(left - left / 2)).append(page);
  return text + "\n\n\n";
}

class Pages {
 public:
  Pages(std::string_view title, std::string_view date)
      : title_(title), date_(date) {}

  void line(std::string_view line) {
    if (lines_ == 0) text_ += heading(title_, date_, ++pages_);
    text_.append(line).append("\n");
    if (++lines_ == kBodyLines) end_page();
  }
  void end_page() {
    constexpr std::size_t kBelow = 5;
    if (lines_ > 0) text_.append(kBodyLines - lines_ + kBelow, '\n');
    lines_ = 0;
  }
  std::string finish() && {
    end_page();
    return std::move(text_);
  }

 private:
  std::string_view title_;
  std::string_view date_;
  std::string text_;
  std::size_t pages_ = 0;
  std::size_t lines_ = 0;  ///< on the page in hand
};

/// From `at` to `goal`, by tabulators where these are shorter than two blanks.
void move_to(std::size_t goal, std::size_t& at, std::string& line) {
  constexpr std::size_t kTab = 8;
  for (std::size_t next = 0;
       at + 1 < goal && (next = at - at % kTab + kTab) <= goal; at = next)
    line += '\t';
  for (; at < goal; ++at)
    line += ' ';
}

/// A page of columns: the first ones have one line more than the others.
void add_page(std::span<const std::string_view> lines, std::size_t columns,
              std::size_t width, std::string& result) {
  const std::size_t least = lines.size() / columns;
  const std::size_t longer = lines.size() % columns;
  const std::size_t rows = least + (longer > 0 ? 1 : 0);
  for (std::size_t row = 0; row < rows; ++row) {
    std::string line;
    std::size_t at = 0;
    for (std::size_t column = 0; column < columns; ++column) {
      if (row >= least + (column < longer ? 1 : 0)) break;
      const std::size_t begin = column * least + std::min(column, longer);
      const std::string_view cell = lines[begin + row].substr(0, width - 1);
      move_to(column * width, at, line);
      line += cell;
      at += cell.size();
    }
    result.append(line).append("\n");
  }
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string on_pages(std::string_view text, std::string_view title,
                     std::string_view date) {
  Pages pages(title, date);
  for (std::string_view line : lines_of(text)) {
    while (line.starts_with('\f')) {
      pages.end_page();
      line.remove_prefix(1);
    }
    pages.line(line);
  }
  return std::move(pages).finish();
}

std::string in_columns(std::string_view text, std::size_t columns,
                       std::size_t width) {
  const std::vector<std::string_view> lines = lines_of(text);
  std::string result;
  for (std::size_t at = 0; at < lines.size(); at += columns * kPageLines)
    add_page(std::span(lines).subspan(
                 at, std::min(columns * kPageLines, lines.size() - at)),
             columns, width / columns, result);
  return result;
}

}  // namespace accounting
