// SPDX-License-Identifier: Apache-2.0
// A table for people: columns as wide as their contents, the last one cut to
// the terminal's width. Cells are made printable here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/terminal_text.h"

namespace cli {

enum class Align : std::uint8_t { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

struct Cell {
  std::string text;
  Colour colour = Colour::kNone;
};

class TableView {
 public:
  explicit TableView(std::vector<Column> columns)
      : columns_(std::move(columns)) {}

  /// As many cells as there are columns; an empty one is shown as a dash.
  void add(std::vector<Cell> row);

  enum class Header : std::uint8_t { kShown, kHidden };
  /// All lines, each ended by a newline, without spaces at their ends.
  [[nodiscard]] std::string render(const Screen& screen, Header header) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(Header header) const;
  [[nodiscard]] std::string line(const std::vector<Cell>& row,
                                 const std::vector<std::size_t>& widths,
                                 const Screen& screen) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace cli
