// SPDX-License-Identifier: Apache-2.0
#include "cli/report/job_counters.h"

#include <cstddef>

#include "accounting/job_counters.h"
#include "cli/job_text.h"
#include "cli/report/use_text.h"

namespace cli {

namespace {

using accounting::JobCounter;
using accounting::JobFacts;
using accounting::kEndCounters;
using accounting::kJobCounters;
using accounting::UseSum;
using Unit = JobCounter::Unit;

/// Megabytes over seconds of processor time, of such over microseconds.
std::string integral_text(std::uint64_t value) {
  constexpr std::uint64_t kSecond = 1'000'000;
  const std::string thousandths =
      std::to_string(1000 + value % kSecond / 1000).substr(1);
  return std::to_string(value / kSecond) + "." + thousandths + " MB*s";
}

std::string amount_of(std::uint64_t value, Unit unit) {
  switch (unit) {
    case Unit::kTime:
      return short_time(core::Microseconds(value));
    case Unit::kBytes:
      return short_size(core::Bytes(value));
    case Unit::kIntegral:
      return integral_text(value);
    case Unit::kNumber:
      break;
  }
  return std::to_string(value);
}

std::string sum_text(const UseSum& sum, Unit unit) {
  if (!sum.get()) return {};
  return amount_of(sum.value, unit) + (sum.is_least() ? "+" : "");
}

accounting::RecordView end_of(const JobFacts& job) {
  return job.end.value_or(accounting::RecordView());
}

std::string names_of(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names)
    text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

}  // namespace

std::vector<CounterRow> counter_rows(const JobFacts& job) {
  std::vector<CounterRow> rows;
  for (std::size_t i = 0; i < kJobCounters.size(); ++i)
    rows.push_back({.title = kJobCounters[i].title,
                    .text = sum_text(job.counters[i], kJobCounters[i].unit)});
  const accounting::RecordView end = end_of(job);
  for (const JobCounter& counter : kEndCounters) {
    const auto value = end.*counter.member;
    rows.push_back({.title = counter.title,
                    .text = value ? amount_of(*value, counter.unit) : ""});
  }
  rows.push_back({.title = "records lost",
                  .text = job.lost ? std::to_string(*job.lost) : ""});
  rows.push_back({.title = "counted by", .text = names_of(job.collectors)});
  rows.push_back(
      {.title = "totals are from", .text = std::string(end.totals_from)});
  if (job.is_billed)
    rows.push_back({.title = "billing units",
                    .text = job.units ? shown_units(*job.units) : ""});
  return rows;
}

std::string time_text(const UseSum& sum) {
  return sum_text(sum, Unit::kTime);
}
std::string size_text(const UseSum& sum) {
  return sum_text(sum, Unit::kBytes);
}

void put_sum(Json& object, std::string_view key, const UseSum& sum) {
  object[std::string(key)] = maybe(sum.get());
  if (sum.is_least()) object[std::string(key) + "_unknown"] = sum.unknown;
}

void put_counters(Json& object, const JobFacts& job) {
  for (std::size_t i = 0; i < kJobCounters.size(); ++i)
    put_sum(object, kJobCounters[i].key, job.counters[i]);
  const accounting::RecordView end = end_of(job);
  for (const JobCounter& counter : kEndCounters)
    object[std::string(counter.key)] = maybe(end.*counter.member);
  object["records_lost"] = maybe(job.lost);
  object["collectors"] = job.collectors;
  object["totals_from"] = text_or_null(end.totals_from);
  if (job.is_billed) object["units"] = maybe(job.units);
}

void put_counters(Json& object, const accounting::JobProcess& process) {
  for (std::size_t i = 0; i < kJobCounters.size(); ++i)
    object[std::string(kJobCounters[i].key)] = maybe(process.counters[i]);
  object["storage_read_bytes"] = maybe(process.storage_read_bytes);
  object["storage_written_bytes"] = maybe(process.storage_written_bytes);
  object["gpid"] = maybe(process.gpid);
  object["collector"] = text_or_null(process.collector);
}

}  // namespace cli
