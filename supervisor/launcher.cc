// SPDX-License-Identifier: Apache-2.0
#include "supervisor/launcher.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/job_name.h"
#include "core/job_result.h"
#include "core/limit_text.h"
#include "supervisor/log.h"

namespace supervisor {

namespace {

using Flags = reaper::LaunchHeader::Flags;

/// PATH of a job whose environment has none (confstr(3), _CS_PATH, and the
/// administrator's own).
constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";
/// The descriptor at which a scope has its link.
constexpr std::int32_t kScopeLinkFd = 3;

/// Writes a block front to back into memory of the right size.
class BlockWriter {
 public:
  explicit BlockWriter(std::size_t size) : bytes_(size) {}

  template <class T>
  void put(const T& value) {
    std::memcpy(bytes_.data() + at_, &value, sizeof value);
    at_ += sizeof value;
  }
  /// Appends a text to the texts; returns its offset.
  std::uint64_t put_text(std::string_view text) {
    const std::size_t at = texts_;
    std::memcpy(bytes_.data() + at, text.data(), text.size());
    texts_ += text.size() + 1;  // the memory is zero: its NUL is there
    return at;
  }
  void put_texts(const std::vector<std::string>& texts) {
    for (const std::string& text : texts)
      put(put_text(text));
    put(std::uint64_t{0});
  }
  void begin_texts(std::size_t at) { texts_ = at; }
  void skip_header() { at_ = sizeof(reaper::LaunchHeader); }
  std::vector<std::byte> finish(const reaper::LaunchHeader& header) && {
    std::memcpy(bytes_.data(), &header, sizeof header);
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
  std::size_t texts_ = 0;
};

std::size_t size_of(const std::vector<std::string>& texts) {
  std::size_t size = 0;
  for (const std::string& text : texts)
    size += text.size() + 1;
  return size;
}

std::string_view path_in(const std::vector<std::string>& env) {
  for (const std::string& variable : env)
    if (variable.starts_with("PATH="))
      return std::string_view(variable).substr(5);
  return kDefaultPath;
}

/// What a job has as its stream `target` that nobody lent one.
core::Result<sys::UniqueFd> open_null(std::int32_t target) {
  return sys::open_at(AT_FDCWD, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY);
}

/// A caller cannot have more than the site, that is, than the reaper has: the
/// kernel would refuse it, and the launch would fail.
core::ResourceLimit bounded(core::ResourceLimit limit) {
  rlimit own = {};
  if (::prlimit(0, static_cast<__rlimit_resource>(limit.resource), nullptr,
                &own) < 0)
    return limit;  // an unknown resource: the launch says so
  limit.hard = std::min<std::uint64_t>(limit.hard, own.rlim_max);
  limit.soft = std::min(limit.soft, limit.hard);
  return limit;
}

/// The narrower of the two where the resource is limited already.
void add_limit(std::vector<core::ResourceLimit>& limits,
               const core::ResourceLimit& limit) {
  const auto at =
      std::ranges::find(limits, limit.resource, &core::ResourceLimit::resource);
  if (at == limits.end()) return limits.push_back(limit);
  at->hard = std::min(at->hard, limit.hard);
  at->soft = std::min({at->soft, limit.soft, at->hard});
}

std::string joined(const std::vector<core::Gid>& groups) {
  std::string text;
  for (const core::Gid group : groups)
    text.append(text.empty() ? "" : ",").append(std::to_string(group.raw()));
  return text;
}

LaunchRequest request_for(const core::Job& job, bool can_change_user) {
  LaunchRequest request;
  const core::JobSpec& spec = job.spec;
  request.argv = spec.argv;
  request.env = spec.env;
  if (!spec.cwd.empty()) request.cwd = spec.cwd;
  request.flags = Flags::kNewSession | Flags::kSetUmask;
  if (can_change_user && (spec.uid != core::Uid(0) || !spec.user.empty()))
    request.flags |= Flags::kSetUser;
  request.uid = spec.uid;
  request.gid = spec.gid;
  request.groups = spec.groups;
  request.umask = spec.umask;
  for (const core::ResourceLimit& limit : spec.rlimits)
    request.limits.push_back(bounded(limit));
  return request;
}

}  // namespace

core::Result<std::vector<std::byte>> encode_launch(
    const LaunchRequest& request) {
  reaper::LaunchHeader header;
  header.flags = request.flags;
  header.argc = static_cast<std::uint32_t>(request.argv.size());
  header.envc = static_cast<std::uint32_t>(request.env.size());
  header.group_count = static_cast<std::uint32_t>(request.groups.size());
  header.limit_count = static_cast<std::uint32_t>(request.limits.size());
  header.fd_count = static_cast<std::uint32_t>(request.targets.size());
  header.uid = request.uid.raw();
  header.gid = request.gid.raw();
  header.umask = request.umask;
  const reaper::LaunchLayout layout = reaper::layout_of(header);
  const std::string_view path = path_in(request.env);
  const std::size_t size = layout.texts + size_of(request.argv) +
                           size_of(request.env) + request.cwd.size() + 1 +
                           path.size() + 1;
  if (size > reaper::kLargestBlock)
    return core::fail(E2BIG, "launch", request.argv.front());
  header.size = static_cast<std::uint32_t>(size);

  BlockWriter writer(size);
  writer.begin_texts(layout.texts);
  writer.skip_header();
  writer.put_texts(request.argv);
  writer.put_texts(request.env);
  for (const core::ResourceLimit& limit : request.limits)
    writer.put(reaper::LaunchLimit{.resource = limit.resource,
                                   .reserved = 0,
                                   .soft = limit.soft,
                                   .hard = limit.hard});
  for (const core::Gid group : request.groups)
    writer.put(group.raw());
  for (const std::int32_t target : request.targets)
    writer.put(target);
  header.cwd = static_cast<std::uint32_t>(writer.put_text(request.cwd));
  header.search_path = static_cast<std::uint32_t>(writer.put_text(path));
  return std::move(writer).finish(header);
}

core::Result<LaunchOrder> Launcher::order_for(const core::Job& job) {
  LaunchOrder order;
  order.jid = job.jid;
  order.user = job.spec.uid;
  order.timeout = site_.timeout;
  LaunchRequest request = request_for(job, site_.can_change_user);
  if (!core::has_own_reaper(job.engine)) {
    order.add(TRY(job.spec.delegates ? containers_.open_own(job.jid)
                                     : containers_.open(job.jid)));
    request.flags |= Flags::kInCgroup;
  }
  TRY(add_streams(job, order, request));
  if (core::has_own_reaper(job.engine))
    TRY(wrap_in_scope(job, order, request));
  else
    TRY(divide_limits(job, order, request));
  order.block = TRY(encode_launch(request));
  return order;
}

core::Result<void> Launcher::add_streams(const core::Job& job,
                                         LaunchOrder& order,
                                         LaunchRequest& request) const {
  constexpr HandleKind kKinds[] = {HandleKind::kInput, HandleKind::kOutput,
                                   HandleKind::kError};
  sys::UniqueFd log;
  for (std::int32_t target = 0; target < 3; ++target) {
    request.targets.push_back(target);
    if (auto lent = handles_.share(job.jid, kKinds[target])) {
      order.fds.push_back(std::move(lent));
      continue;
    }
    if (target > 0 && !log.is_open()) log = open_log(job);
    order.add(TRY(log.is_open() ? log.duplicate() : open_null(target)));
  }
  return {};
}

/// What the kernel holds of each process is set before it is anybody's, and it
/// joins what holds all of them.
core::Result<void> Launcher::divide_limits(const core::Job& job,
                                           LaunchOrder& order,
                                           LaunchRequest& request) const {
  for (const core::ResourceLimit& limit : division_of(job).of_processes())
    add_limit(request.limits, bounded(limit));
  for (sys::UniqueFd& join : TRY(containers_.joins(job.jid))) {
    order.add(std::move(join));
    request.targets.push_back(reaper::kJoin);
  }
  return {};
}

sys::UniqueFd Launcher::open_log(const core::Job& job) const {
  const std::string path = log_path(job.jid);
  auto log = sys::open_at(AT_FDCWD, path.c_str(),
                          O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  if (log && ::geteuid() == 0 &&
      ::fchown(log->get(), job.spec.uid.raw(), job.spec.gid.raw()) < 0)
    log = core::fail(errno, "give away", path);
  if (log) return *std::move(log);
  spdlog::warn("the output of job {} is not kept: {}",
               core::display(job.jid).view(), text_of(log.error().message()));
  return {};
}

core::Result<void> Launcher::wrap_in_scope(const core::Job& job,
                                           LaunchOrder& order,
                                           LaunchRequest& request) {
  // A repeated order must bring the end that the first one brought.
  if (handles_.find(job.jid, HandleKind::kScope) < 0)
    handles_.put(job.jid, HandleKind::kScope, TRY(scopes_.make(job.jid)));
  order.fds.push_back(handles_.share(job.jid, HandleKind::kScope));
  request.targets.push_back(kScopeLinkFd);
  const core::JobSpec& spec = job.spec;
  std::vector<std::string> argv = {
      core::has_pid_namespace(job.engine) ? site_.pidns : site_.init,
      "--scope",
      std::to_string(kScopeLinkFd),
      "--jid",
      core::display(job.jid).c_str(),
      "--engine",
      std::string(core::name_of(job.engine)),
      "--stragglers",
      std::string(core::name_of(spec.stragglers)),
      "--grace",
      std::to_string(spec.kill_plan.grace.raw() / 1000),
      "--signal",
      core::signal_name(spec.kill_plan.first_signal.raw()).c_str(),
      "--cwd",
      std::exchange(request.cwd, "/"),
  };
  const auto add = [&](std::string option, std::string value) {
    argv.push_back(std::move(option));
    argv.push_back(std::move(value));
  };
  if (core::has_cgroup(job.engine)) {
    const auto lend = [&](std::string option, sys::UniqueFd fd) {
      const std::int32_t number = request.targets.back() + 1;
      order.add(std::move(fd));
      request.targets.push_back(number);
      add(std::move(option), std::to_string(number));
    };
    lend("--cgroup-fd", TRY(containers_.open(job.jid)));
    for (sys::UniqueFd& join : TRY(containers_.joins(job.jid)))
      lend("--join-fd", std::move(join));
  }
  // That of a member of an array is none for the scope, which tells nobody.
  if (core::is_job_name(spec.name)) add("--name", spec.name);
  const auto limits = core::limit_text(division_of(job).of_scope());
  if (!limits.empty()) add("--limit", std::string(limits.view()));
  for (const core::ResourceLimit& limit : division_of(job).beyond_scope())
    add_limit(request.limits, bounded(limit));
  if ((request.flags & Flags::kSetUser) != 0) {
    // The scope changes the user for the command: itself it must stay out of
    // the reach of that user's signals.
    request.flags &= ~static_cast<std::uint32_t>(Flags::kSetUser);
    add("--uid", std::to_string(request.uid.raw()));
    add("--gid", std::to_string(request.gid.raw()));
    if (!request.groups.empty()) add("--groups", joined(request.groups));
    request.groups.clear();
  }
  argv.emplace_back("--");
  argv.insert(argv.end(), std::make_move_iterator(request.argv.begin()),
              std::make_move_iterator(request.argv.end()));
  request.argv = std::move(argv);
  return {};
}

std::string Launcher::log_path(core::JobId jid) const {
  return site_.logs + "/" + core::path_name(jid).c_str() + ".log";
}

bool Launcher::has_log(core::JobId jid) const {
  return ::faccessat(AT_FDCWD, log_path(jid).c_str(), F_OK,
                     AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace supervisor
