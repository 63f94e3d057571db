// SPDX-License-Identifier: Apache-2.0
#include "cli/table_view.h"

#include <algorithm>

namespace cli {
namespace {

constexpr std::size_t kGap = 2;

}  // namespace

void TableView::add(std::vector<Cell> row) {
  for (Cell& cell : row)
    cell.text = cell.text.empty() ? "-" : printable(cell.text);
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> TableView::widths(Header header) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (header == Header::kShown) widths[i] = columns_of(columns_[i].title);
    for (const auto& row : rows_)
      widths[i] = std::max(widths[i], columns_of(row[i].text));
  }
  return widths;
}

std::string TableView::line(const std::vector<Cell>& row,
                            const std::vector<std::size_t>& widths,
                            const Screen& screen) const {
  std::string line;
  std::size_t column = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool is_last = i + 1 == row.size();
    std::string_view text = row[i].text;
    if (is_last && screen.width > column)
      text = fit(text, screen.width - column);
    const std::size_t used = columns_of(text);
    const std::string padding(widths[i] - std::min(used, widths[i]), ' ');
    if (columns_[i].align == Align::kRight) line += padding;
    line += coloured(screen, row[i].colour, text);
    if (is_last) break;
    if (columns_[i].align == Align::kLeft) line += padding;
    line.append(kGap, ' ');
    column += widths[i] + kGap;
  }
  return line + "\n";
}

std::string TableView::render(const Screen& screen, Header header) const {
  const std::vector<std::size_t> width_of = widths(header);
  std::string text;
  if (header == Header::kShown) {
    std::vector<Cell> titles;
    titles.reserve(columns_.size());
    for (const Column& column : columns_)
      titles.push_back({.text = column.title, .colour = Colour::kStrong});
    text += line(titles, width_of, screen);
  }
  for (const auto& row : rows_)
    text += line(row, width_of, screen);
  return text;
}

}  // namespace cli
