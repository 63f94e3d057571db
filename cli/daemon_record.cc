// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon_record.h"

#include <pwd.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <limits>
#include <optional>
#include <string_view>

#include "accounting/csa_layout.h"
#include "accounting/daemon_encode.h"
#include "cli/value_types.h"
#include "core/limit_text.h"
#include "core/number_text.h"
#include "sys/unique_fd.h"

namespace cli {

namespace {

using accounting::csa::Workload;

struct Word {
  std::string_view name;
  std::int16_t number;
};
constexpr Word kTypes[] = {{.name = "info", .number = 1},
                           {.name = "recv", .number = 2},
                           {.name = "init", .number = 3},
                           {.name = "spool", .number = 4},
                           {.name = "term", .number = 5}};
struct Subtype {
  std::int16_t type;
  std::string_view name;
  std::int16_t number;
};
// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Subtype kSubtypes[] = {
    {1, "accton", 1},  {1, "acctoff", 2}, {2, "new", 1},  {3, "start", 1},
    {3, "restart", 2}, {3, "rerun", 3},   {4, "init", 4}, {4, "term", 6},
    {5, "exit", 1},    {5, "requeue", 2}, {5, "hold", 3}, {5, "rerun", 4},
    {5, "migrate", 5},
};
// NOLINTEND(modernize-use-designated-initializers)

bool set_type(Workload& record, std::string_view value) {
  for (const Word& word : kTypes)
    if (word.name == value) record.type = word.number;
  return record.type != 0;
}

/// Behind the type, which says what it means.
bool set_subtype(Workload& record, std::string_view value) {
  for (const Subtype& row : kSubtypes)
    if (row.type == record.type && row.name == value)
      record.subtype = row.number;
  return record.subtype != 0;
}

template <auto kMember>
bool set_name(Workload& record, std::string_view value) {
  auto& field = record.*kMember;
  if (value.empty() || value.size() > sizeof field) return false;
  std::memcpy(field, value.data(), value.size());
  return true;
}

template <auto kMember>
bool set_number(Workload& record, std::string_view value) {
  using Field = std::remove_reference_t<decltype(record.*kMember)>;
  constexpr auto kMost =
      static_cast<std::uint64_t>(std::numeric_limits<Field>::max());
  const auto number = core::parse_number(value, kMost);
  if (number) record.*kMember = static_cast<Field>(*number);
  return number.has_value();
}

template <auto kMember, std::uint64_t kUnit>
bool set_time(Workload& record, std::string_view value) {
  const auto time = parse_duration(value);
  if (time) record.*kMember = static_cast<std::int64_t>(time->raw() / kUnit);
  return time.has_value();
}

bool set_memory(Workload& record, std::string_view value) {
  const auto bytes = core::parse_amount(core::LimitUnit::kBytes, value);
  if (bytes) record.mem_reserved = static_cast<std::int64_t>(*bytes / 1024);
  return bytes.has_value();
}

bool set_user(Workload& record, std::string_view value) {
  if (const auto number = core::parse_number(value, UINT32_MAX)) {
    record.uid = static_cast<std::uint32_t>(*number);
    return true;
  }
  const passwd* const user = ::getpwnam(std::string(value).c_str());
  if (user != nullptr) record.uid = user->pw_uid;
  return user != nullptr;
}

bool set_jid(Workload& record, std::string_view value) {
  const auto jid = core::parse_job_id(value);
  if (jid) record.jid = jid->raw();
  return jid.has_value();
}

struct Key {
  std::string_view name;
  bool (*set)(Workload& record, std::string_view value);
  std::string_view expected;
};
constexpr std::uint64_t kSecond = 1000000;  // usec
// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Key kKeys[] = {
    {"provider", set_name<&Workload::serv_provider>,
     "a name, at most 16 bytes"},
    {"type", set_type, "info, recv, init, spool or term"},
    {"subtype", set_subtype, "behind type, one that it has"},
    {"machine", set_name<&Workload::machname>, "a name, at most 16 bytes"},
    {"request", set_name<&Workload::reqname>, "a name, at most 16 bytes"},
    {"queue", set_name<&Workload::quename>, "a name, at most 16 bytes"},
    {"reqid", set_number<&Workload::reqid>, "a number"},
    {"array", set_number<&Workload::arrayid>, "a number"},
    {"qtype", set_number<&Workload::qtype>, "a number"},
    {"user", set_user, "a user's name or number"},
    {"project", set_number<&Workload::prid>, "a project's number"},
    {"jid", set_jid, "a jid"},
    {"time", set_number<&Workload::time>, "seconds since 1970"},
    {"entered", set_number<&Workload::enter_time>, "seconds since 1970"},
    {"code", set_number<&Workload::code>, "a number"},
    {"utime", set_time<&Workload::utime, 1>, "a duration such as 1m30s"},
    {"stime", set_time<&Workload::stime, 1>, "a duration such as 1m30s"},
    {"ctime", set_time<&Workload::ctime, 1>, "a duration such as 1m30s"},
    {"waited", set_time<&Workload::qwtime, kSecond>,
     "a duration such as 1m30s"},
    {"memory", set_memory, "a size such as 64M or 10G"},
    {"ncpus", set_number<&Workload::ncpus>, "a number"},
};
// NOLINTEND(modernize-use-designated-initializers)

core::Answer<void> set(Workload& record, std::string_view word) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  for (const Key& key : kKeys) {
    if (key.name != name || equals == std::string_view::npos) continue;
    if (key.set(record, word.substr(equals + 1))) return {};
    return std::unexpected(core::invalid(
        "'" + std::string(word) + "': expected " + std::string(key.expected)));
  }
  return std::unexpected(core::invalid("'" + std::string(word) +
                                       "': expected KEY=VALUE, keys are " +
                                       daemon_record_keys()));
}

core::Answer<std::vector<std::byte>> read_bytes(const std::string& name) {
  sys::UniqueFd file;
  if (name != "-") {
    auto opened = sys::open_at(AT_FDCWD, name.c_str(), O_RDONLY);
    if (!opened)
      return std::unexpected(core::invalid(
          "cannot open '" + name + "': " + std::strerror(opened.error().code)));
    file = *std::move(opened);
  }
  std::vector<std::byte> bytes(accounting::kMostDaemonBytes + 1);
  std::size_t held = 0;
  while (held < bytes.size()) {
    const ssize_t n = ::read(name == "-" ? STDIN_FILENO : file.get(),
                             bytes.data() + held, bytes.size() - held);
    if (n <= 0) break;
    held += static_cast<std::size_t>(n);
  }
  bytes.resize(held);
  return bytes;
}

}  // namespace

std::string daemon_record_keys() {
  std::string keys;
  for (const Key& key : kKeys)
    keys.append(keys.empty() ? "" : ", ").append(key.name);
  return keys;
}

core::Answer<core::DaemonRecord> read_daemon_record(
    std::span<const std::string> words) {
  const auto* const row =
      words.empty() ? nullptr : core::find_account_kind(words[0]);
  if (row == nullptr)
    return std::unexpected(
        core::invalid("'record' needs a kind: wkmg, tape, site1 or site2"));
  core::DaemonRecord record = {.kind = row->kind, .jid = {}, .bytes = {}};
  if (row->kind != core::AccountKind::kWorkload) {
    if (words.size() != 2)
      return std::unexpected(core::invalid(
          "'record " + words[0] + "' needs one file, or - for standard input"));
    record.bytes = TRY(read_bytes(words[1]));
    return record;
  }
  Workload told = {};
  told.time = std::time(nullptr);
  told.uid = ::getuid();
  for (const std::string& word : words.subspan(1))
    TRY(set(told, word));
  record.jid = core::JobId(told.jid);
  const auto view = std::as_bytes(std::span(&told, 1));
  record.bytes.assign(view.begin(), view.end());
  return record;
}

}  // namespace cli
