// SPDX-License-Identifier: Apache-2.0
#include "cli/top_rows.h"

#include <algorithm>
#include <compare>

#include "cli/job_text.h"
#include "cli/json_text.h"

namespace cli {
namespace {

using Count = std::optional<std::uint64_t>;

template <class T>
Count raw(const std::optional<T>& value) {
  return value ? Count(value->raw()) : std::nullopt;
}

Count cpu_of(const TopSample& sample) {
  const core::JobTotals& totals = sample.usage.totals;
  if (!totals.user_time || !totals.system_time) return std::nullopt;
  return (*totals.user_time + *totals.system_time).raw();
}

Count io_of(const TopSample& sample) {
  const core::JobTotals& totals = sample.usage.totals;
  if (!totals.read_bytes || !totals.write_bytes) return std::nullopt;
  return totals.read_bytes->raw() + totals.write_bytes->raw();
}

/// How much a counter grew in a second, times `scale`. A counter that became
/// smaller (a sum lost a process) did not grow.
Count rate(const TopSample* before, const TopSample& now,
           Count (*counter)(const TopSample&), std::uint64_t scale) {
  const Count end = counter(now);
  if (!end) return std::nullopt;
  const core::BootTime started = now.job.started.boot;
  if (before == nullptr && started.raw() == 0) return std::nullopt;
  const Count begin = before != nullptr ? counter(*before) : Count(0);
  if (!begin) return std::nullopt;
  const std::uint64_t passed =
      (now.usage.read - (before != nullptr ? before->usage.read : started))
          .raw();
  if (passed == 0) return std::nullopt;
  const std::uint64_t grown = *end > *begin ? *end - *begin : 0;
  return static_cast<std::uint64_t>(static_cast<double>(grown) *
                                    static_cast<double>(scale) /
                                    static_cast<double>(passed));
}

Count used_of(core::LimitKind kind, const TopSample& sample) {
  switch (kind) {
    case core::LimitKind::kWallTime: {
      const auto age = age_of(sample.job, sample.usage.read);
      return raw(age);
    }
    case core::LimitKind::kCpuTime:
      return cpu_of(sample);
    case core::LimitKind::kMemory:
      return raw(sample.usage.memory);
    case core::LimitKind::kProcesses:
      return sample.usage.processes;
    default:  // of each process, or counted by the kernel alone
      return std::nullopt;
  }
}

TopRow row_of(const TopSample* before, const TopSample& now) {
  constexpr std::uint64_t kPermille = 1000;
  constexpr std::uint64_t kPerSecond = 1'000'000;
  TopRow row;
  row.job = now.job;
  row.is_sum = now.is_sum;
  row.cpu_permille = rate(before, now, cpu_of, kPermille);
  if (const Count cpu = cpu_of(now)) row.cpu_time = core::Microseconds(*cpu);
  row.memory = now.usage.memory;
  row.io_rate = rate(before, now, io_of, kPerSecond);
  row.processes = now.usage.processes;
  for (const core::LimitKind kind : core::kLimitKinds)
    if (const auto bound = core::bound_of(now.job.limits, now.job.terms, kind))
      row.limits.push_back(
          {.kind = kind, .bound = *bound, .used = used_of(kind, now)});
  return row;
}

/// What an order compares by.
Count key_of(const TopRow& row, TopOrder order) {
  switch (order) {
    case TopOrder::kCpu:
      return row.cpu_permille;
    case TopOrder::kMemory:
      return raw(row.memory);
    case TopOrder::kIo:
      return row.io_rate;
    case TopOrder::kProcesses:
      return row.processes;
    case TopOrder::kTime:
      return raw(row.cpu_time);
    case TopOrder::kAge:
      // Who began earlier is older.
      if (row.job.started.boot.raw() == 0) return std::nullopt;
      return UINT64_MAX - row.job.started.boot.raw();
    case TopOrder::kName:
      break;
  }
  return std::nullopt;
}

/// Before zero: `a` stands above `b`.
std::strong_ordering compare(const TopRow& a, const TopRow& b, TopOrder order) {
  if (order == TopOrder::kName) {
    if (a.job.name.empty() != b.job.name.empty())
      return a.job.name.empty() <=> b.job.name.empty();
    return a.job.name <=> b.job.name;
  }
  const Count of_a = key_of(a, order);
  const Count of_b = key_of(b, order);
  if (of_a && of_b) return *of_b <=> *of_a;
  return of_b.has_value() <=> of_a.has_value();
}

bool is_known(const TopRow& row, TopOrder order) {
  return order == TopOrder::kName || key_of(row, order).has_value();
}

Json limits_json(const TopRow& row) {
  Json limits = Json::object();
  for (const LimitUse& limit : row.limits)
    limits[core::row_of(limit.kind).word] = {{"used", maybe(limit.used)},
                                             {"bound", limit.bound}};
  return limits;
}

Json row_json(const TopRow& row) {
  Json json;
  json["jid"] = core::display(row.job.jid).view();
  json["name"] = text_or_null(row.job.name);
  json["owner"] = row.job.owner.raw();
  json["user"] = maybe(known_user_name(row.job.owner));
  json["state"] = state_word(row.job);
  json["cpu_percent"] = row.cpu_permille
                            ? Json(static_cast<double>(*row.cpu_permille) / 10)
                            : Json();
  json["cpu_us"] = maybe(row.cpu_time);
  json["memory_bytes"] = maybe(row.memory);
  json["is_sum"] = row.is_sum;
  json["storage_bytes_per_second"] = maybe(row.io_rate);
  json["processes"] = maybe(row.processes);
  json["limits"] = limits_json(row);
  return json;
}

}  // namespace

std::vector<TopRow> top_rows(const TopSamples& before, const TopSamples& now) {
  std::vector<TopRow> rows;
  rows.reserve(now.size());
  for (const auto& [jid, sample] : now) {
    const auto at = before.find(jid);
    rows.push_back(row_of(at == before.end() ? nullptr : &at->second, sample));
  }
  return rows;
}

void sort_rows(std::vector<TopRow>& rows, TopOrder order, bool is_reversed) {
  std::ranges::stable_sort(rows, [&](const TopRow& a, const TopRow& b) {
    if (is_known(a, order) != is_known(b, order)) return is_known(a, order);
    const auto difference = compare(a, b, order);
    if (difference == 0) return a.job.jid < b.job.jid;
    return is_reversed ? difference > 0 : difference < 0;
  });
}

std::optional<unsigned> percent_of(const LimitUse& limit) {
  if (!limit.used || limit.bound == 0) return std::nullopt;
  const double part =
      static_cast<double>(*limit.used) / static_cast<double>(limit.bound) * 100;
  return part > 100 ? 100 : static_cast<unsigned>(part);
}

const LimitUse* tightest(const TopRow& row) {
  const LimitUse* most = nullptr;
  for (const LimitUse& limit : row.limits) {
    const auto percent = percent_of(limit);
    if (percent && (most == nullptr || *percent > *percent_of(*most)))
      most = &limit;
  }
  return most;
}

std::string rows_json(const std::vector<TopRow>& rows, core::RealTime time) {
  Json json;
  json["time_us"] = time.raw();
  json["jobs"] = Json::array();
  for (const TopRow& row : rows)
    json["jobs"].push_back(row_json(row));
  return json_line(json);
}

}  // namespace cli
