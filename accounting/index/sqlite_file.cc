// SPDX-License-Identifier: Apache-2.0
#include "accounting/index/sqlite_file.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "accounting/index/sqlite_load.h"

namespace accounting::index {

namespace {

/// How long somebody else's write is waited for.
constexpr int kReaderPatience = 200;     // milliseconds; then the files do
constexpr int kWriterPatience = 60'000;  // milliseconds

}  // namespace

void Database::Closer::operator()(sqlite3* database) const {
  sqlite()->close(database);
}
void Statement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite()->finalize(statement);
}

std::optional<Database> Database::open(const std::string& path, Access access) {
  if (sqlite() == nullptr) return std::nullopt;
  const bool is_writer = access == Access::kWrite;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                    (is_writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  sqlite3* raw = nullptr;
  const int code = sqlite()->open(path.c_str(), &raw, flags, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) return std::nullopt;
  sqlite()->busy_timeout(raw, is_writer ? kWriterPatience : kReaderPatience);
  sqlite()->db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite()->db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite()->db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite()->db_config(raw, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  return database;
}

bool Database::run(const char* sql) {
  return sqlite()->exec(database_.get(), sql, nullptr, nullptr, nullptr) ==
         SQLITE_OK;
}

Statement Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite()->prepare(database_.get(), sql, -1, &statement, nullptr);
  return Statement(statement);
}

std::optional<std::int64_t> Database::number(const char* sql) {
  Statement statement = prepare(sql);
  if (statement.step() != Statement::Step::kRow) return std::nullopt;
  return statement.number(0);
}

std::string Database::why() const {
  return sqlite()->errmsg(database_.get());
}

int Database::error() const {
  constexpr int kPrimary = 0xff;  // of an extended result code
  const int system = sqlite()->system_errno(database_.get());
  switch (sqlite()->errcode(database_.get()) & kPrimary) {
    case SQLITE_FULL:
      return ENOSPC;
    case SQLITE_BUSY:
      return EBUSY;
    case SQLITE_NOMEM:
      return ENOMEM;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:  // of any other it is an older one
      return system == 0 ? EIO : system;
    default:
      return EIO;
  }
}

Statement::Step Statement::step() {
  if (!statement_) return Step::kFailed;
  const int code = sqlite()->step(statement_.get());
  if (code == SQLITE_ROW) return Step::kRow;
  return code == SQLITE_DONE ? Step::kDone : Step::kFailed;
}

void Statement::reset() {
  sqlite()->reset(statement_.get());
}

void Statement::bind(int place, std::int64_t value) {
  sqlite()->bind_int64(statement_.get(), place + 1, value);
}

void Statement::bind(int place, std::string_view text) {
  sqlite()->bind_text(statement_.get(), place + 1,
                      text.empty() ? "" : text.data(),
                      static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

void Statement::bind_bytes(int place, std::string_view bytes) {
  sqlite()->bind_blob(statement_.get(), place + 1,
                      bytes.empty() ? "" : bytes.data(),
                      static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
}

void Statement::bind_nothing(int place) {
  sqlite()->bind_null(statement_.get(), place + 1);
}

bool Statement::has_value(int column) const {
  return sqlite()->column_type(statement_.get(), column) != SQLITE_NULL;
}

std::int64_t Statement::number(int column) const {
  return sqlite()->column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* const text = sqlite()->column_text(statement_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(
              sqlite()->column_bytes(statement_.get(), column))};
}

std::string_view Statement::bytes(int column) const {
  const auto* const bytes = sqlite()->column_blob(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(
              sqlite()->column_bytes(statement_.get(), column))};
}

void RowSum::mix(std::uint64_t value) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  constexpr int kTurn = 23;
  sum_ = (std::rotl(sum_, kTurn) ^ value) * kOdd;
}

void RowSum::add(std::int64_t value) {
  mix(1);
  mix(static_cast<std::uint64_t>(value));
}

void RowSum::add(std::string_view text) {
  mix(2 + text.size());
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), size);
    mix(word);
    text.remove_prefix(size);
  }
}

void RowSum::add_nothing() {
  mix(0);
}

std::int64_t RowSum::value() const {
  constexpr unsigned kHalf = 32;
  return static_cast<std::int64_t>(sum_ ^ (sum_ >> kHalf));
}

void RowWriter::put(std::int64_t value) {
  statement_.bind(next_++, value);
  sum_.add(value);
}

void RowWriter::put_nothing() {
  statement_.bind_nothing(next_++);
  sum_.add_nothing();
}

void RowWriter::text(const std::string& text) {
  statement_.bind(next_++, std::string_view(text));
  sum_.add(std::string_view(text));
}

void RowWriter::bytes(const std::string& bytes) {
  statement_.bind_bytes(next_++, bytes);
  sum_.add(std::string_view(bytes));
}

bool RowWriter::finish() {
  statement_.bind(next_, sum_.value());
  const bool is_done = statement_.step() == Statement::Step::kDone;
  statement_.reset();
  return is_done;
}

std::int64_t RowReader::take() {
  const std::int64_t value = statement_.number(next_++);
  sum_.add(value);
  return value;
}

bool RowReader::skips_nothing() {
  if (statement_.has_value(next_)) return false;
  ++next_;
  sum_.add_nothing();
  return true;
}

void RowReader::text(std::string& text) {
  text = statement_.text(next_++);
  sum_.add(std::string_view(text));
}

void RowReader::bytes(std::string& bytes) {
  bytes = statement_.bytes(next_++);
  sum_.add(std::string_view(bytes));
}

bool RowReader::is_sound() {
  return statement_.has_value(next_) &&
         statement_.number(next_) == sum_.value();
}

}  // namespace accounting::index
