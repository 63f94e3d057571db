// SPDX-License-Identifier: Apache-2.0
#include "supervisor/job_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "accounting/append.h"
#include "core/number_text.h"
#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/fd_mount.h"

namespace supervisor {

namespace {

constexpr std::string_view kPrefix = "ja.";
constexpr std::string_view kFilePart = "file";
constexpr std::string_view kSpoolPart = "spool";
/// How long a file system may take; whoever asked is told that it does not
/// answer.
constexpr core::Microseconds kPatience = core::seconds(10);

/// "ja.JID.UID.GID.file", in hexadecimal.
std::string name_of(core::JobId jid, const JobFileUser& user,
                    std::string_view part) {
  core::Text<64> text(kPrefix);
  text.append_hex(jid.raw(), 16).append(".");
  text.append_hex(user.uid.raw(), 8).append(".");
  text.append_hex(user.gid.raw(), 8).append(".").append(part);
  return std::string(text.view());
}

std::unexpected<core::Refused> refused(std::string text) {
  return refuse(core::Refusal::kInvalid, std::move(text));
}

/// Why records cannot go there.
core::Answer<void> check_file(int file) {
  struct stat status = {};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int flags = ::fcntl(file, F_GETFL);
  if (flags < 0 || ::fstat(file, &status) < 0)
    return refused("the descriptor is not open");
  if (!S_ISREG(status.st_mode))
    return refused("expected a regular file, found a pipe or a device");
  if ((flags & O_ACCMODE) != O_RDWR || (flags & O_APPEND) == 0 ||
      (flags & O_PATH) != 0)
    return refused("expected a file open for reading and appending");
  return {};
}

std::unexpected<core::Refused> no_file() {
  return refuse(core::Refusal::kInvalid,
                "the job has no accounting file of its own (ja starts one)");
}

std::unexpected<core::Refused> failed(std::int32_t code) {
  return refuse(core::Refusal::kUnavailable,
                code == ENOENT
                    ? "the job's accounting file was removed"
                    : "the job's accounting file cannot be written: " +
                          std::string(accounting::words_of(code)));
}

}  // namespace

/// One job's file.
class JobFiles::Follower {
 public:
  using Drained = std::function<void(std::int32_t code)>;

  Follower(EventLoop& loop, core::JobId jid, const JobFileUser& user)
      : jid_(jid),
        user_(user),
        patience_(loop, [this] { fail(ETIME); }),
        worker_(loop,
                {.name = "job-file", .words = {"corrald", "--worker=job-file"}},
                {.on_packet = [this](auto packet) { on_packet(packet); },
                 .on_death =
                     [this] {
                       was_begun_ = false;
                       if (gone_) gone_();
                     },
                 .on_start = [this] { begin(); }}) {}

  void set_file(sys::UniqueFd file) { file_ = std::move(file); }
  void set_spool(sys::UniqueFd spool) { spool_ = std::move(spool); }
  [[nodiscard]] bool is_whole() const {
    return file_.is_open() && spool_.is_open();
  }
  [[nodiscard]] int spool() const { return spool_.get(); }
  [[nodiscard]] int file() const { return file_.get(); }
  [[nodiscard]] const JobFileUser& user() const { return user_; }
  void keep(StoreLink& store) const {
    store.put(name_of(jid_, user_, kSpoolPart), spool_.get());
    store.put(name_of(jid_, user_, kFilePart), file_.get());
  }
  void let_go(StoreLink& store) const {
    store.drop_soon(name_of(jid_, user_, kFilePart));
    store.drop_soon(name_of(jid_, user_, kSpoolPart));
  }

  void start() { worker_.start(); }
  void look() { send(accounting::JobFileOrder::kLook, 0); }
  void drain(Drained done) {
    asked_[++last_number_] = std::move(done);
    patience_.set(sys::boot_now() + kPatience);
    send(accounting::JobFileOrder::kDrain, last_number_);
  }
  /// `gone`: its process has ended.
  void retire(std::function<void()> gone) {
    gone_ = [this, gone = std::move(gone)] {
      is_gone_ = true;
      gone();
    };
    if (!worker_.is_running()) return gone_();
    worker_.retire();
  }
  [[nodiscard]] bool is_gone() const { return is_gone_; }

 private:
  void send(accounting::JobFileOrder order, std::uint64_t number) {
    if (!was_begun_) return;  // begin() asks again
    accounting::JobFileRequest request;
    request.order = order;
    request.number = number;
    worker_.send(std::as_bytes(std::span(&request, 1)));
  }

  void begin() {
    accounting::JobFileRequest request;
    request.order = accounting::JobFileOrder::kBegin;
    request.uid = user_.uid.raw();
    request.gid = user_.gid.raw();
    const int fds[] = {spool_.get(), file_.get()};
    worker_.send(std::as_bytes(std::span(&request, 1)), fds);
    was_begun_ = true;
    for (const auto& [number, done] : asked_)
      send(accounting::JobFileOrder::kDrain, number);
  }

  void on_packet(std::span<const std::byte> packet) {
    accounting::JobFileReply reply;
    if (packet.size() != sizeof reply) return;
    std::memcpy(&reply, packet.data(), sizeof reply);
    if (reply.magic != accounting::kJobFileMagic) return;
    tell(reply);
    if (reply.number == 0) return;
    const auto asked = asked_.extract(reply.number);
    if (asked_.empty()) patience_.clear();
    if (!asked.empty()) asked.mapped()(reply.code);
  }

  void tell(const accounting::JobFileReply& reply) {
    if (reply.code != code_ && reply.code != 0)
      spdlog::warn("the file of job {} cannot be written: {}",
                   core::display(jid_).view(),
                   accounting::words_of(reply.code));
    if (reply.dropped > dropped_)
      spdlog::warn("{} records found no room on the way to the file of job {}",
                   reply.dropped - dropped_, core::display(jid_).view());
    code_ = reply.code;
    dropped_ = reply.dropped;
  }

  void fail(std::int32_t code) {
    for (auto& [number, done] : std::exchange(asked_, {}))
      done(code);
  }

  core::JobId jid_;
  JobFileUser user_;
  sys::UniqueFd file_;
  sys::UniqueFd spool_;
  std::map<std::uint64_t, Drained> asked_;  ///< not answered
  std::uint64_t last_number_ = 0;
  bool was_begun_ = false;
  bool is_gone_ = false;
  std::function<void()> gone_;
  std::int32_t code_ = 0;
  std::uint64_t dropped_ = 0;
  Timer patience_;
  WorkerProcess worker_;
};

JobFiles::JobFiles(EventLoop& loop, StoreLink& store, Recorder& recorder)
    : loop_(loop), store_(store), recorder_(recorder), sweep_(loop, [this] {
        std::erase_if(retired_,
                      [](const auto& follower) { return follower->is_gone(); });
      }) {
  recorder_.on_fed([this] {
    for (const auto& [jid, follower] : followers_)
      follower->look();
  });
}

JobFiles::~JobFiles() = default;

JobFiles::Follower* JobFiles::find(core::JobId jid) {
  const auto found = followers_.find(jid);
  return found == followers_.end() ? nullptr : found->second.get();
}

bool JobFiles::adopt(std::string_view name, sys::UniqueFd& fd) {
  if (!name.starts_with(kPrefix)) return false;
  const std::string_view rest = name.substr(kPrefix.size());
  constexpr std::size_t kUid = 17;
  constexpr std::size_t kGid = kUid + 9;
  constexpr std::size_t kPart = kGid + 9;
  if (rest.size() <= kPart) return false;
  const auto jid = core::parse_hex(rest.substr(0, kUid - 1));
  const auto uid = core::parse_hex(rest.substr(kUid, 8));
  const auto gid = core::parse_hex(rest.substr(kGid, 8));
  if (!jid || !uid || !gid) return false;
  const JobFileUser user = {.uid = core::Uid(static_cast<uid_t>(*uid)),
                            .gid = core::Gid(static_cast<gid_t>(*gid))};
  auto& follower = followers_[core::JobId(*jid)];
  if (!follower)
    follower = std::make_unique<Follower>(loop_, core::JobId(*jid), user);
  if (rest.substr(kPart) == kFilePart)
    follower->set_file(std::move(fd));
  else
    follower->set_spool(std::move(fd));
  return true;
}

void JobFiles::resume(const JobTable& table) {
  std::vector<core::JobId> ended;
  for (const auto& [jid, follower] : followers_) {
    if (follower->is_whole()) {
      recorder_.follow(jid, follower->spool(), {});
      follower->start();
    }
    const TableEntry* const entry = table.find(jid);
    const bool is_live =
        entry != nullptr && entry->job.state < core::JobState::kEnded;
    if (!follower->is_whole() || !is_live) ended.push_back(jid);
  }
  for (const core::JobId jid : ended) {
    if (find(jid)->is_whole())
      end(jid);
    else
      drop(jid);
  }
}

void JobFiles::put_again() {
  for (const auto& [jid, follower] : followers_)
    follower->keep(store_);
}

void JobFiles::start(core::JobId jid, const JobFileUser& user,
                     sys::UniqueFd file, Done done) {
  const bool is_trusted =
      user.uid == core::Uid(0) || user.uid == core::Uid(::geteuid());
  if (!is_trusted && !sys::is_of_own_mount(file.get()))
    return done(refused(
        "expected a regular file of a file system that is mounted for the "
        "instance, and not in user space"));
  if (const auto good = check_file(file.get()); !good)
    return done(std::unexpected(good.error()));
  if (find(jid) != nullptr)  // another file takes its place
    return flush(jid, Then::kGiveUp,
                 [this, jid, user, done = std::move(done),
                  held = std::make_shared<sys::UniqueFd>(std::move(file))](
                     const core::Answer<void>& /*stopped*/) {
                   start(jid, user, std::move(*held), done);
                 });
  auto spool = accounting::JobSpool::make();
  if (!spool) return done(failed(spool.error().code));
  auto follower = std::make_unique<Follower>(loop_, jid, user);
  follower->set_file(std::move(file));
  follower->set_spool(*std::move(spool));
  Follower& begun = *follower;
  followers_[jid] = std::move(follower);
  begun.keep(store_);
  begun.start();
  store_.when_flushed([this, jid, done = std::move(done)] {
    Follower* const found = find(jid);
    if (found == nullptr) return done(no_file());
    recorder_.follow(jid, found->spool(), [this, jid, done](int code, auto) {
      if (code != 0) drop(jid);
      if (code != 0) return done(failed(code));
      drain(jid, Then::kStay, done);
    });
  });
}

void JobFiles::flush(core::JobId jid, Then then, Done done) {
  if (find(jid) == nullptr) return done(no_file());
  recorder_.order(accounting::ScribeOrder::kFlush,
                  [this, jid, then, done = std::move(done)](int, auto) {
                    drain(jid, then, done);
                  });
}

void JobFiles::sync(core::JobId jid, Done done) {
  flush(jid, Then::kStay, std::move(done));
}

void JobFiles::stop(core::JobId jid, Done done) {
  flush(jid, Then::kEnd, std::move(done));
}

void JobFiles::end(core::JobId jid) {
  flush(jid, Then::kGiveUp, [](const core::Answer<void>& /*done*/) {});
}

void JobFiles::drain(core::JobId jid, Then then, Done done) {
  Follower* const follower = find(jid);
  if (follower == nullptr) return done(no_file());
  follower->drain([this, jid, then, done = std::move(done)](std::int32_t code) {
    on_drained(jid, then, code, done);
  });
}

void JobFiles::on_drained(core::JobId jid, Then then, std::int32_t code,
                          const Done& done) {
  // Without a name nobody can read what comes.
  const bool is_over = then == Then::kGiveUp || code == ENOENT ||
                       (then == Then::kEnd && code == 0);
  if (is_over) drop(jid);
  if (code != 0) return done(failed(code));
  done({});
}

void JobFiles::drop(core::JobId jid) {
  auto found = followers_.extract(jid);
  if (found.empty()) return;
  recorder_.unfollow(jid);
  found.mapped()->let_go(store_);
  retired_.push_back(std::move(found.mapped()));
  retired_.back()->retire([this] { sweep_.set(sys::boot_now()); });
}

}  // namespace supervisor
