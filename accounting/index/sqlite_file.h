// SPDX-License-Identifier: Apache-2.0
// SQLite's door (https://sqlite.org/c3ref/intro.html): a database in one file,
// statements, and rows that bear a checksum, as SQLite itself would not notice
// a page that a disk has changed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace accounting::index {

class Statement;

class Database {
 public:
  enum class Access : std::uint8_t { kRead, kWrite };

  /// Nothing: it cannot be opened, and is not made for reading. What is in the
  /// file is not trusted: no function of ours or SQLite's is run by a schema.
  [[nodiscard]] static std::optional<Database> open(const std::string& path,
                                                    Access access);

  /// False: SQLite refused; why() says why.
  bool run(const char* sql);
  /// A statement that cannot be made is one that fails at its first step.
  [[nodiscard]] Statement prepare(const char* sql);
  /// The first number that `sql` gives; nothing: it gives none.
  [[nodiscard]] std::optional<std::int64_t> number(const char* sql);
  [[nodiscard]] std::string why() const;
  /// The errno value of what SQLite refused last; EIO where it has none.
  [[nodiscard]] int error() const;

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}
  std::unique_ptr<sqlite3, Closer> database_;
};

class Statement {
 public:
  enum class Step : std::uint8_t { kRow, kDone, kFailed };

  Step step();
  void reset();
  /// Parameters and columns, from 0 on.
  void bind(int place, std::int64_t value);
  void bind(int place, std::string_view text);
  void bind_bytes(int place, std::string_view bytes);
  void bind_nothing(int place);
  [[nodiscard]] bool has_value(int column) const;
  [[nodiscard]] std::int64_t number(int column) const;
  /// Stays until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  friend class Database;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

/// The checksum of a row's values, and of their order and kinds.
class RowSum {
 public:
  void add(std::int64_t value);
  void add(std::string_view text);
  void add_nothing();
  [[nodiscard]] std::int64_t value() const;

 private:
  void mix(std::uint64_t value);

  std::uint64_t sum_ = 0;
};

/// Binds a row's values one after the other, and writes it with its checksum.
class RowWriter {
 public:
  explicit RowWriter(Statement& statement) : statement_(statement) {}
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;

  template <class Number>
  void number(const Number& value) {
    put(static_cast<std::int64_t>(value));
  }
  template <class Number>
  void perhaps(const std::optional<Number>& value) {
    if (value)
      put(static_cast<std::int64_t>(*value));
    else
      put_nothing();
  }
  void text(const std::string& text);
  void bytes(const std::string& bytes);
  /// False: SQLite refused.
  bool finish();

 private:
  void put(std::int64_t value);
  void put_nothing();

  Statement& statement_;
  RowSum sum_;
  int next_ = 0;
};

/// The same for reading: what a RowWriter wrote, in its order.
class RowReader {
 public:
  explicit RowReader(const Statement& statement) : statement_(statement) {}
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  template <class Number>
  void number(Number& value) {
    value = static_cast<Number>(take());
  }
  template <class Number>
  void perhaps(std::optional<Number>& value) {
    value.reset();
    if (skips_nothing()) return;
    value = static_cast<Number>(take());
  }
  void text(std::string& text);
  void bytes(std::string& bytes);
  /// Is the row as it was written?
  [[nodiscard]] bool is_sound();

 private:
  std::int64_t take();
  bool skips_nothing();

  const Statement& statement_;
  RowSum sum_;
  int next_ = 0;
};

}  // namespace accounting::index
