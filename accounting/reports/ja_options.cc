// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/ja_options.h"

#include <cctype>
#include <cstdlib>
#include <cstring>

#include "accounting/text/account_names.h"
#include "accounting/text/report_text.h"

namespace accounting::ja {

namespace {

std::unexpected<Stop> needs(std::string_view letter, std::string_view other) {
  return stop("The (-" + std::string(letter) +
              ") option must be used with the (-" + std::string(other) +
              ") option.");
}

std::unexpected<Stop> excludes(std::string_view one, std::string_view other) {
  return stop("The (-" + std::string(one) + ") and the (-" +
              std::string(other) + ") options are mutually exclusive.");
}

bool begins_with_digit(const std::string& text) {
  return std::isdigit(static_cast<unsigned char>(text[0])) != 0;
}

std::unexpected<Stop> unknown(std::string_view what, const std::string& name,
                              char letter) {
  return stop("An unknown " + std::string(what) + " name '" + name +
              "' was given on the -" + letter + " parameter.");
}

/// A word that is no number is an id that nobody has, as published.
std::uint64_t id_of(const std::string& text) {
  char* end = nullptr;
  const std::uint64_t id = std::strtoull(text.c_str(), &end, 16);
  return end == text.c_str() ? UINT64_MAX : id;
}

Outcome<void> read_selection(const CommandLine& line, Options& options) {
  if (const auto* const text = line.value('a')) options.session = id_of(*text);
  if (const auto* const text = line.value('j')) options.jid = id_of(*text);
  if (const auto* const text = line.value('p')) {  // names have no numbers
    if (!begins_with_digit(*text))
      return stop("-p " + *text + ": expected a number");
    options.project = std::strtoull(text->c_str(), nullptr, 10);
  }
  if (const auto* const text = line.value('g')) {
    options.gid = begins_with_digit(*text)
                      ? AccountNames::id_of(*text)
                      : AccountNames::gid_of(text->c_str());
    if (!options.gid) return unknown("Group", *text, 'g');
  }
  if (const auto* const text = line.value('u')) {
    options.uid = begins_with_digit(*text)
                      ? AccountNames::id_of(*text)
                      : AccountNames::uid_of(text->c_str());
    if (!options.uid) return unknown("User", *text, 'u');
  }
  if (const auto* const list = line.value('n'))
    options.names = elements_of(*list);
  if (const auto* const list = line.value('M')) options.ranges = *list;
  return {};
}

Outcome<void> check(const CommandLine& line, const Options& options) {
  if (!options.has_report()) {
    for (const char letter : std::string_view("agjnpudr"))
      if (line.has(letter)) return needs({&letter, 1}, "{c f o s}");
  } else if (line.has('m')) {
    return stop("The (-m) option cannot be selected when issuing a report.");
  }
  if (line.has('t') && line.has('m')) return excludes("m", "t");
  if (options.is_other && options.is_command) return excludes("o", "c");
  if (options.is_extended && !options.is_summary) return needs("e", "s");
  if (options.has_marks && !(options.is_command && options.is_long))
    return needs("h", "c and l");
  if (options.is_long && !options.is_command && !options.is_flow)
    return needs("l", "{c f}");
  if (options.ranges && !options.is_command) return needs("M", "c");
  return {};
}

std::string not_valid(std::string_view argument) {
  return "The (-M) option's argument, '" + std::string(argument) +
         "', is invalid.";
}

/// One element of -M.
class RangeParser {
 public:
  RangeParser(std::string_view text, EntryReader& reader,
              const std::string& program, const std::string& path)
      : text_(text), reader_(reader), program_(program), path_(path) {}

  Outcome<Range> parse() {
    const auto size = static_cast<std::int64_t>(reader_.size());
    bounds_[1] = size;
    if (peek() == '.') {
      ++at_;
      bounds_[0] = TRY(last_entry());
    } else {
      read_bounds();
      typed_ = bounds_[0];
      bounds_[0] = TRY(behind_ja(typed_));
      if (!has_colon_)
        bounds_[1] = bounds_[0] + static_cast<std::int64_t>(sizeof(csa::Csa));
    }
    if (peek() != '\0') return stop(not_valid(text_));
    if (bounds_[0] >= 0 && bounds_[0] < bounds_[1] && bounds_[1] <= size)
      return Range{.begin = bounds_[0], .end = bounds_[1]};
    const std::string typed = std::to_string(typed_);
    const std::string end = std::to_string(bounds_[1]);
    return stop(program_ + ":  getrange adjusted begin-mark " +
                std::to_string(bounds_[0]) + "\n" + program_ +
                ":  getrange(0 < begin-mark " + typed + " < end-mark " + end +
                " < eof " + std::to_string(size) + ")\n" +
                not_valid(typed + ":" + end));
  }

 private:
  [[nodiscard]] char peek() const {
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  [[nodiscard]] bool is_digit() const { return peek() >= '0' && peek() <= '9'; }

  /// Up to it another digit has room.
  static constexpr std::int64_t kMost = INT64_MAX / 10 - 1;

  /// "m1", "m1:", "m1:m2", ":m2" or ":"; octal behind a 0.
  void read_bounds() {
    for (std::size_t which = 0; which < 2; ++which) {
      if (which == 1 && !is_digit()) return;  // the end stays as it is
      const std::int64_t base = peek() == '0' ? 8 : 10;
      bounds_[which] = 0;
      for (; is_digit() && peek() - '0' < base; ++at_)
        bounds_[which] = bounds_[which] > kMost
                             ? bounds_[which]  // no file is that long
                             : bounds_[which] * base + (peek() - '0');
      if (which == 1 || peek() != ':') return;
      has_colon_ = true;
      ++at_;
    }
  }

  Outcome<std::int64_t> last_entry() {
    Entry entry;
    reader_.seek(reader_.size());
    if (reader_.previous(entry) != ReadStatus::kEntry)
      return stop("An error occurred during the positioning of the file.", 0);
    return static_cast<std::int64_t>(reader_.size() - entry.size);
  }

  /// The command ja itself, which wrote the mark, is passed over.
  Outcome<std::int64_t> behind_ja(std::int64_t mark) {
    Entry entry;
    reader_.seek(static_cast<std::uint64_t>(mark));
    if (reader_.next(entry) != ReadStatus::kEntry)
      return stop(reader_.complaint() +
                  with_system_error("An error occurred during the reading of "
                                    "file '" +
                                        path_ + "' job accounting file\n.",
                                    0) +
                  program_ + ":  getrange() invalid beginning mark " +
                  std::to_string(mark) + ", eof " +
                  std::to_string(reader_.size()) + "\n" +
                  not_valid(std::to_string(mark)));
    const bool is_ja =
        entry.process != nullptr && text_of(entry.process->comm) == "ja";
    return is_ja ? mark + static_cast<std::int64_t>(entry.size) : mark;
  }

  std::string_view text_;
  EntryReader& reader_;
  const std::string& program_;
  const std::string& path_;
  std::size_t at_ = 0;
  std::int64_t bounds_[2] = {0, 0};
  std::int64_t typed_ = 0;
  bool has_colon_ = false;
};

}  // namespace

std::vector<std::string> elements_of(const std::string& list) {
  const auto is_blank = [](char c) {
    return c == ' ' || c == '\t' || c == '\n';
  };
  std::vector<std::string> elements;
  std::size_t at = 0;
  for (;;) {
    while (at < list.size() && is_blank(list[at]))
      ++at;
    std::string element;
    while (at < list.size() && list[at] != ',' && !is_blank(list[at])) {
      if (list[at] == '\\' && at + 1 < list.size()) ++at;
      element += list[at++];
    }
    elements.push_back(element);
    while (at < list.size() && is_blank(list[at]))
      ++at;
    if (at >= list.size()) return elements;
    if (list[at] == ',') ++at;
  }
}

Outcome<Options> read_options(const CommandLine& line) {
  Options options;
  options.is_command = line.has('c');
  options.is_flow = line.has('f');
  options.is_other = line.has('o');
  options.is_summary = line.has('s');
  options.is_extended = line.has('e');
  options.is_long = line.has('l');
  options.has_marks = line.has('h');
  options.has_jobs = line.has('J');
  options.is_raw = line.has('r');
  TRY(read_selection(line, options));
  TRY(check(line, options));
  return options;
}

Outcome<std::vector<Range>> read_ranges(const std::string& list,
                                        EntryReader& reader,
                                        const std::string& program,
                                        const std::string& path) {
  std::vector<Range> ranges;
  for (const std::string& element : elements_of(list)) {
    const Range range =
        TRY(RangeParser(element, reader, program, path).parse());
    const auto place = std::ranges::find_if(
        ranges, [&](const Range& other) { return range.begin < other.begin; });
    ranges.insert(place, range);
  }
  std::vector<Range> joined;
  for (const Range& range : ranges) {
    if (!joined.empty() && range.begin <= joined.back().end)
      joined.back().end = std::max(joined.back().end, range.end);
    else
      joined.push_back(range);
  }
  return joined;
}

}  // namespace accounting::ja
