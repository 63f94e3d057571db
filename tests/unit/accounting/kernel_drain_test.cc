// SPDX-License-Identifier: Apache-2.0
// From the collector's ring into a file: the ring is memory that is laid out as
// the kernel lays it out, what is appended and read again is the real thing.
// The kernel's part of it is tests/integration/collectors.py.
#include "accounting/kernel_drain.h"

#include <linux/bpf.h>
#include <sys/mman.h>

#include <cerrno>

#include <doctest/doctest.h>

#include "accounting/kernel_encode.h"
#include "accounting/record_view.h"
#include "accounting/records_text.h"
#include "accounting/recovery.h"
#include "accounting/scribe.h"
#include "record_samples.h"

namespace {

using namespace accounting;

constexpr std::uint64_t kRing = 1U << 16U;
constexpr std::uint64_t kRingId = 0x1234567;

corral_exit an_exit(int pid) {
  corral_exit exit = {};
  exit.jid = 7;
  exit.start_boot_ns = 5'000'000'000;
  exit.end_boot_ns = 7'500'000'000;
  exit.used = {.utime_ns = 3'000'000,
               .stime_ns = 1'000'000,
               .runtime_ns = 8'000'000,
               .minflt = 11,
               .majflt = 12,
               .nvcsw = 13,
               .nivcsw = 14};
  exit.sums.rchar = 21;
  exit.sums.wchar = 22;
  exit.sums.syscr = 23;
  exit.sums.syscw = 24;
  exit.sums.rss_integral = 1'024'000;
  exit.sums.vm_integral = 2'048'000;
  exit.sums.cpu_count = 31;
  exit.sums.cpu_delay_ns = 32'000;
  exit.sums.blkio_count = 33;
  exit.sums.blkio_delay_ns = 34'000;
  exit.rss_peak_pages = 3;
  exit.vm_peak_pages = 5;
  exit.has = CORRAL_HAS_IO | CORRAL_HAS_INTEGRALS | CORRAL_HAS_VM_PEAK |
             CORRAL_HAS_CPU_DELAY | CORRAL_HAS_BLOCK_DELAY;
  exit.status = 3 << 8;
  exit.pid = pid;
  exit.ppid = 1;
  std::memcpy(exit.comm, "cc1plus", 7);
  return exit;
}

/// The collector's two maps, and what the program does to them.
class World {
 public:
  World() : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
    const std::size_t size = 2 * page_ + 2 * kRing;
    ring_ = sys::UniqueFd(::memfd_create("ring", MFD_CLOEXEC));
    control_ = sys::UniqueFd(::memfd_create("control", MFD_CLOEXEC));
    REQUIRE(::ftruncate(ring_.get(), static_cast<off_t>(size)) == 0);
    REQUIRE(::ftruncate(control_.get(), static_cast<off_t>(page_)) == 0);
    memory_ =
        *sys::MappedRange::map(ring_.get(), 0, size, PROT_READ | PROT_WRITE);
    words_ = *sys::MappedRange::map(control_.get(), 0, page_,
                                    PROT_READ | PROT_WRITE);
    control().ring_id = kRingId;
    control().ring_size = kRing;
  }

  corral_control& control() {
    return *static_cast<corral_control*>(words_.get());
  }
  std::uint64_t& consumer() { return word(0); }
  std::uint64_t& producer() { return word(page_); }

  void exits(int pid, std::uint32_t flags = 0) {
    const std::uint32_t head[2] = {
        static_cast<std::uint32_t>(sizeof(corral_exit)) | flags, 0};
    const corral_exit exit = an_exit(pid);
    // Where the kernel maps the data twice, it is written twice.
    for (const std::uint64_t at :
         {producer() % kRing, producer() % kRing + kRing}) {
      put(at, head, sizeof head);
      put(at + sizeof head, &exit, sizeof exit);
    }
    producer() += sizeof head + sizeof exit;
  }

  [[nodiscard]] KernelRing ring() const {
    auto ring = KernelRing::open(copy(ring_), copy(control_));
    REQUIRE(ring);
    return *std::move(ring);
  }
  [[nodiscard]] KernelDrain drain() const { return KernelDrain(ring()); }

 private:
  static sys::UniqueFd copy(const sys::UniqueFd& fd) {
    return sys::UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  }
  std::byte* at(std::size_t offset) {
    return static_cast<std::byte*>(memory_.get()) + offset;
  }
  std::uint64_t& word(std::size_t offset) {
    return *reinterpret_cast<std::uint64_t*>(at(offset));
  }
  void put(std::uint64_t offset, const void* from, std::size_t size) {
    if (offset + size <= 2 * kRing)
      std::memcpy(at(2 * page_ + offset), from, size);
  }

  std::size_t page_;
  sys::UniqueFd ring_;
  sys::UniqueFd control_;
  sys::MappedRange memory_;
  sys::MappedRange words_;
};

struct Found {
  std::vector<std::uint64_t> pids;
  std::uint64_t lost = 0;
};

Found found_in(const std::string& path) {
  Found found;
  CsaReader reader(*sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY));
  for (auto group = reader.next(); group && *group; group = reader.next()) {
    const RecordView view = view_of(**group);
    if (view.lost) found.lost += *view.lost;
    if (view.pid) found.pids.push_back(*view.pid);
  }
  return found;
}

sys::UniqueFd opened(const std::string& path) {
  return *sys::open_at(AT_FDCWD, path.c_str(), O_RDWR | O_APPEND | O_CREAT,
                       0600);
}

using Pids = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("every counter of the kernel's is in the record, in its unit") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  samples::Bytes bytes;
  samples::add(bytes,
               encode(RecordKey{.instance = kRingId, .key = 272}, an_exit(99),
                      {.page_size = 4096, .booted_us = 1'000'000'000'000}));
  samples::write_file(path, bytes);
  CsaReader reader(*sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY));
  const auto group = reader.next();
  REQUIRE((group && *group));
  CHECK((*group)->is_sound);
  const RecordView view = view_of(**group);
  CHECK(view.collector == "ebpf");
  CHECK(view.is_inclusive == false);
  CHECK(view.jid == 7U);
  CHECK(view.user_us == 6000U);  // 8 ms, as 3 ticks to 1
  CHECK(view.system_us == 2000U);
  CHECK(view.wall_us == 2'500'000U);
  CHECK(view.ended_us == 1'000'007'500'000U);
  CHECK(view.memory_bytes == 3 * 4096U);
  CHECK(view.virtual_bytes == 5 * 4096U);
  CHECK(view.resident_integral == 4096U);
  CHECK(view.virtual_integral == 8192U);
  CHECK(view.processor_waits == 31U);
  CHECK(view.processor_delay_us == 32U);
  CHECK(view.block_waits == 33U);
  CHECK(view.block_delay_us == 34U);
  CHECK(view.read_bytes == 21U);
  CHECK(view.write_calls == 24U);
  CHECK(view.exit_code == 3);
  CHECK(to_json(view).contains(R"("collector":"ebpf")"));
}

TEST_CASE("what was not collected is not 0") {
  corral_exit exit = an_exit(99);
  exit.has = 0;
  samples::Bytes bytes;
  samples::add(bytes, encode(RecordKey{.instance = kRingId, .key = 272}, exit,
                             KernelUnits{}));
  const ParseResult parsed = parse_group(bytes, true);
  REQUIRE(parsed.verdict == ParseVerdict::kGroup);
  const RecordView view = view_of(parsed.group);
  CHECK_FALSE(view.read_bytes);
  CHECK_FALSE(view.virtual_bytes);
  CHECK_FALSE(view.resident_integral);
  CHECK_FALSE(view.processor_waits);
  CHECK_FALSE(view.block_waits);
  CHECK(view.memory_bytes == 3 * 4096U);
  // One whose block delays alone the kernel did not count has the record.
  exit.has = CORRAL_HAS_CPU_DELAY;
  bytes.clear();
  samples::add(bytes, encode(RecordKey{.instance = kRingId, .key = 272}, exit,
                             KernelUnits{}));
  const RecordView other = view_of(parse_group(bytes, true).group);
  CHECK(other.processor_waits == 31U);
  CHECK_FALSE(other.block_waits);
}

TEST_CASE("the ring is written once, in order, over its end, with its losses") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const sys::UniqueFd file = opened(path);
  World world;
  KernelDrain drain = world.drain();
  Pids wanted;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 50; ++i) {
      const int pid = round * 100 + i + 1;
      world.exits(pid);
      wanted.push_back(static_cast<std::uint64_t>(pid));
    }
    world.exits(9999, BPF_RINGBUF_DISCARD_BIT);
    if (round == 7) world.control().lost = 5;
    REQUIRE(drain.write_all(file.get()));
    CHECK(drain.is_empty());
  }
  const Found found = found_in(path);
  CHECK(found.pids == wanted);
  CHECK(found.lost == 5);
  CHECK(drain.written() == wanted.size());
  CHECK(drain.lost() == 5);
}

TEST_CASE("a record that is not finished is waited for") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const sys::UniqueFd file = opened(path);
  World world;
  KernelDrain drain = world.drain();
  world.exits(1);
  world.exits(2, BPF_RINGBUF_BUSY_BIT);
  world.exits(3);
  REQUIRE(drain.write_all(file.get()));
  CHECK(found_in(path).pids == Pids{1});
  CHECK_FALSE(drain.is_empty());
}

TEST_CASE("who is killed between the append and its release repeats nothing") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  for (const bool is_renamed : {false, true}) {
    CAPTURE(is_renamed);
    samples::write_file(path, {});
    World world;
    for (int pid = 1; pid <= 5; ++pid)
      world.exits(pid);
    world.control().lost = 3;
    {
      const sys::UniqueFd file = opened(path);
      KernelDrain first = world.drain();
      REQUIRE(first.write_all(file.get()));
    }
    // As it was before the release.
    world.consumer() = 0;
    world.control().told_lost = 0;
    if (is_renamed) std::filesystem::rename(path, path + "1");
    for (int pid = 6; pid <= 7; ++pid)
      world.exits(pid);
    const sys::UniqueFd file = opened(path);
    KernelDrain second = world.drain();
    second.recover(file.get(), path);
    REQUIRE(second.write_all(file.get()));
    Found found = found_in(path);
    if (is_renamed) {
      CHECK(found.pids == Pids{6, 7});
      CHECK(found.lost == 0);
      std::filesystem::remove(path + "1");
    } else {
      CHECK(found.pids == Pids{1, 2, 3, 4, 5, 6, 7});
      CHECK(found.lost == 3);
    }
  }
}

TEST_CASE("who is killed in the middle of an append writes the rest of it") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const std::size_t one = encode(RecordKey{}, an_exit(1), KernelUnits{}).size;
  for (const std::size_t torn : {std::size_t{0}, one - 1, one, 2 * one + 17}) {
    CAPTURE(torn);
    samples::write_file(path, {});
    World world;
    for (int pid = 1; pid <= 4; ++pid)
      world.exits(pid);
    {
      const sys::UniqueFd file = opened(path);
      KernelDrain first = world.drain();
      REQUIRE(first.write_all(file.get()));
      REQUIRE(::ftruncate(file.get(), static_cast<off_t>(torn)) == 0);
      world.consumer() = 0;
      REQUIRE(repair_tail(file.get(), 1));  // a new scribe's first deed
    }
    const sys::UniqueFd file = opened(path);
    KernelDrain second = world.drain();
    second.recover(file.get(), path);
    REQUIRE(second.write_all(file.get()));
    CHECK(found_in(path).pids == Pids{1, 2, 3, 4});
  }
}

TEST_CASE("who is killed behind a loss without a record tells it once") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  for (const bool is_written : {true, false}) {
    CAPTURE(is_written);
    samples::write_file(path, {});
    World world;
    world.exits(1);
    {
      const sys::UniqueFd file = opened(path);
      KernelDrain first = world.drain();
      REQUIRE(first.write_all(file.get()));
      world.control().lost = 3;
      REQUIRE(first.write_all(file.get()));
    }
    // As it was before it was noted that the loss is told.
    world.control().told_lost = 0;
    if (!is_written)
      REQUIRE(::truncate(path.c_str(),
                         static_cast<off_t>(world.control().offset)) == 0);
    const sys::UniqueFd file = opened(path);
    KernelDrain second = world.drain();
    second.recover(file.get(), path);
    REQUIRE(second.write_all(file.get()));
    const Found found = found_in(path);
    CHECK(found.pids == Pids{1});
    CHECK(found.lost == 3);
  }
}

TEST_CASE("a scribe that is told to let a ring go writes it first, if later") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  std::filesystem::create_directory(path);  // nobody can write to it
  World world;
  Scribe scribe(path, ScribeOptions{});
  scribe.greet(samples::kInstance);
  scribe.attach_kernel(world.drain());
  for (int pid = 1; pid <= 3; ++pid)
    world.exits(pid);
  CHECK(world.ring().waiting() == 3);
  scribe.detach_kernel();
  CHECK(scribe.kernel() == nullptr);
  REQUIRE(scribe.has_waiting());
  scribe.flush();
  REQUIRE(scribe.has_waiting());
  CHECK(world.ring().waiting() == 3);
  std::filesystem::remove(path);
  scribe.flush();
  CHECK_FALSE(scribe.has_waiting());
  CHECK(scribe.status().written == 3);
  CHECK(world.ring().waiting() == 0);
  CHECK(found_in(path).pids == Pids{1, 2, 3});
}

TEST_CASE("while accounting is off what comes is done with") {
  World world;
  KernelDrain drain = world.drain();
  world.exits(1);
  world.control().lost = 2;
  drain.skip_all();
  CHECK(drain.is_empty());
  CHECK(world.control().told_lost == 2);
}

TEST_CASE("the reader arms only an empty ring") {
  World world;
  KernelDrain drain = world.drain();
  CHECK(drain.ring().arm());
  CHECK(world.control().is_armed == 1);
  world.exits(1);
  CHECK_FALSE(drain.ring().arm());
  CHECK(world.control().is_armed == 0);
}

TEST_CASE("maps that are not the collector's are refused") {
  sys::UniqueFd nothing(::memfd_create("nothing", MFD_CLOEXEC));
  sys::UniqueFd control(::memfd_create("control", MFD_CLOEXEC));
  REQUIRE(::ftruncate(control.get(), 4096) == 0);
  const auto ring = KernelRing::open(std::move(nothing), std::move(control));
  REQUIRE_FALSE(ring);
  CHECK(ring.error().code == EINVAL);
}
