// SPDX-License-Identifier: Apache-2.0
#include "supervisor/ledger.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "accounting/scribe_lock.h"
#include "supervisor/log.h"

namespace supervisor {

namespace {

// A request is a LedgerRequest and two paths with a NUL between them. The
// answer is a JidBlock, or a PageHead and OpenJobs.

constexpr core::Microseconds kReservePatience = core::seconds(10);
constexpr core::Microseconds kSearchPatience = core::seconds(120);
/// A request that hangs for ever must not keep the next from being made.
constexpr std::size_t kMostWorkers = 4;
/// So many jobs go into an answer.
constexpr std::size_t kPageSize = 2000;

enum class Wanted : std::uint32_t { kBlock = 1, kOpenJobs = 2 };

struct LedgerRequest {
  Wanted what = Wanted::kBlock;
  std::uint32_t hid = 0;
  std::uint64_t above = 0;  ///< a sequence, or a jid
  std::uint64_t instance = 0;
};

struct PageHead {
  std::uint32_t has_more = 0;
  std::uint32_t has_others = 0;
};

template <class T>
void append(std::vector<std::byte>& bytes, const T& value) {
  const auto raw = std::as_bytes(std::span(&value, 1));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

template <class T>
std::optional<T> take(std::span<const std::byte>& bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes = bytes.subspan(sizeof value);
  return value;
}

std::vector<std::byte> body_of(const LedgerRequest& request,
                               const std::string& paths) {
  std::vector<std::byte> body;
  append(body, request);
  const auto raw = std::as_bytes(std::span(paths));
  body.insert(body.end(), raw.begin(), raw.end());
  return body;
}

core::Result<OpenJobsPage> page_of(std::span<const std::byte> answer) {
  OpenJobsPage page;
  const auto head = take<PageHead>(answer);
  if (!head) return core::fail(EBADMSG, "read the answer");
  page.has_more = head->has_more != 0;
  page.has_others = head->has_others != 0;
  while (const auto job = take<accounting::OpenJob>(answer))
    page.jobs.push_back(*job);
  return page;
}

core::Result<void> reserve_for(const LedgerRequest& request,
                               const std::string& pacct,
                               const std::string& jids,
                               std::vector<std::byte>& answer) {
  auto above = static_cast<std::uint32_t>(request.above);
  const auto reserved = read_reserved(jids, request.hid);
  const int code = reserved ? 0 : reserved.error().code;
  if (code == EBADMSG) {
    spdlog::error("'{}' is damaged; jids go on from the clock", jids);
    above = block_of_clock(above).after;
  }
  if (code == ENOENT || code == EBADMSG) {
    // One that cannot be read names no jid; that is the scribe's to say.
    const auto found = accounting::find_open_jobs(pacct, request.hid);
    if (found) above = std::max(above, found->last_sequence);
  }
  append(answer, TRY(reserve_block(jids, request.hid, above)));
  return {};
}

/// Whether a scribe of that instance lives, and goes on to: one whose
/// supervisor was killed needs a moment to write what it has and go, one that
/// was killed itself is followed by another. Nobody tells us of it.
bool has_lasting_scribe(const std::string& directory, std::uint64_t instance) {
  constexpr int kTries = 40;
  constexpr std::chrono::milliseconds kPause(50);
  bool was_absent = false;
  for (int i = 0; i < kTries; ++i) {
    const bool is_absent = !accounting::has_scribe(directory, instance);
    if (is_absent && was_absent) return false;
    was_absent = is_absent;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

core::Result<void> search_for(const LedgerRequest& request,
                              const std::string& pacct,
                              std::vector<std::byte>& answer) {
  const accounting::FoundJobs found =
      TRY(accounting::find_open_jobs(pacct, request.hid));
  const std::string directory = accounting::directory_of(pacct);
  std::vector<accounting::OpenJob> left;
  PageHead head;
  std::map<std::uint64_t, bool> lives;  // an instance's scribe
  for (const accounting::OpenJob& job : found.open) {
    if (job.jid.raw() <= request.above || job.instance == request.instance)
      continue;
    const auto [at, is_new] = lives.try_emplace(job.instance, false);
    if (is_new) at->second = has_lasting_scribe(directory, job.instance);
    if (at->second)
      head.has_others = 1;
    else
      left.push_back(job);
  }
  if (left.size() > kPageSize) head.has_more = 1;
  append(answer, head);
  for (std::size_t i = 0; i < std::min(left.size(), kPageSize); ++i)
    append(answer, left[i]);
  return {};
}

core::Result<void> obey(const WorkerRequest& request,
                        std::vector<std::byte>& answer) {
  std::span<const std::byte> body = request.body;
  const auto wanted = take<LedgerRequest>(body);
  const std::string paths(reinterpret_cast<const char*>(body.data()),
                          body.size());
  const std::size_t split = paths.find('\0');
  if (!wanted || split == std::string::npos)
    return core::fail(EBADMSG, "read the request");
  const std::string pacct = paths.substr(0, split);
  if (wanted->what == Wanted::kBlock)
    return reserve_for(*wanted, pacct, paths.substr(split + 1), answer);
  return search_for(*wanted, pacct, answer);
}

}  // namespace

std::string jid_file(const sys::Places& places) {
  if (places.kind == sys::InstanceKind::kPrivate)
    return places.runtime + "/jids";
  // Its name does not match the pacct* that csarun gathers.
  return accounting::directory_of(places.pacct) + "/.corral-jids";
}

Ledger::Ledger(EventLoop& loop, const sys::Places& places, std::string program)
    : paths_(places.pacct + '\0' + jid_file(places)),
      pool_(loop,
            {.name = "ledger",
             .words = {"corrald", "--worker=ledger"},
             .program = std::move(program)},
            kMostWorkers, 0) {}

void Ledger::reserve(std::uint32_t hid, std::uint32_t above,
                     std::function<void(core::Result<JidBlock>)> done) {
  pool_.request(
      body_of({.what = Wanted::kBlock, .hid = hid, .above = above}, paths_), {},
      kReservePatience, [done = std::move(done)](const auto& answer) {
        if (!answer) return done(std::unexpected(answer.error()));
        std::span<const std::byte> bytes = *answer;
        const auto block = take<JidBlock>(bytes);
        if (!block) return done(core::fail(EBADMSG, "read the answer"));
        done(*block);
      });
}

void Ledger::find_open(std::uint32_t hid, std::uint64_t instance,
                       core::JobId after,
                       std::function<void(core::Result<OpenJobsPage>)> done) {
  pool_.request(body_of({.what = Wanted::kOpenJobs,
                         .hid = hid,
                         .above = after.raw(),
                         .instance = instance},
                        paths_),
                {}, kSearchPatience,
                [done = std::move(done)](const auto& answer) {
                  if (!answer) return done(std::unexpected(answer.error()));
                  done(page_of(*answer));
                });
}

int run_ledger_worker(int socket) {
  return serve_requests(socket, obey);
}

}  // namespace supervisor
