// SPDX-License-Identifier: Apache-2.0
#include "accounting/index/sqlite_load.h"

#include <dlfcn.h>

#include <optional>

#include "sys/late_library.h"

namespace accounting::index {

namespace {

std::optional<SqliteTable> load() {
  void* const handle = ::dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return std::nullopt;
  SqliteTable table;
  sys::LateLibrary library(handle);
  library.find("sqlite3_open_v2", table.open)
      .find("sqlite3_close", table.close)
      .find("sqlite3_busy_timeout", table.busy_timeout)
      .find("sqlite3_db_config", table.db_config)
      .find("sqlite3_errmsg", table.errmsg)
      .find("sqlite3_errcode", table.errcode)
      .find("sqlite3_system_errno", table.system_errno)
      .find("sqlite3_exec", table.exec)
      .find("sqlite3_prepare_v2", table.prepare)
      .find("sqlite3_step", table.step)
      .find("sqlite3_reset", table.reset)
      .find("sqlite3_finalize", table.finalize)
      .find("sqlite3_bind_int64", table.bind_int64)
      .find("sqlite3_bind_text", table.bind_text)
      .find("sqlite3_bind_blob", table.bind_blob)
      .find("sqlite3_bind_null", table.bind_null)
      .find("sqlite3_column_type", table.column_type)
      .find("sqlite3_column_int64", table.column_int64)
      .find("sqlite3_column_text", table.column_text)
      .find("sqlite3_column_blob", table.column_blob)
      .find("sqlite3_column_bytes", table.column_bytes);
  if (library.missing() != nullptr) return std::nullopt;
  return table;
}

}  // namespace

const SqliteTable* sqlite() {
  static const std::optional<SqliteTable> table = load();
  return table ? &*table : nullptr;
}

}  // namespace accounting::index
