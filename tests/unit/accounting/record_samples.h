// SPDX-License-Identifier: Apache-2.0
// Events with every field set to a value of its own, for the tests of records,
// and the files that they go to.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "accounting/csa_encode.h"
#include "accounting/csa_file.h"

namespace samples {

inline constexpr std::uint64_t kInstance = 0xABCDEF0123456789ULL;
using Bytes = std::vector<std::byte>;

inline accounting::StartOfJob start_of_job(std::uint64_t key) {
  accounting::StartOfJob start;
  start.key = {kInstance, key};
  start.jid = core::JobId(0x8000000100000000ULL + key);
  start.uid = core::Uid(1000);
  start.when = {core::BootTime(5000000), core::RealTime(1795303530123456)};
  start.name = "a job's name";
  return start;
}

inline accounting::ProcessEnd process_end(std::uint64_t key) {
  accounting::ProcessEnd end;
  end.key = {kInstance, key};
  core::ExitRecord& record = end.record;
  record.sequence = 11;
  record.jid = 0x8000000100000000ULL + key;
  record.order = 12;
  record.start_boot_us = 5100000;
  record.end_boot_us = 7600000;
  record.end_real_us = 1795303532623456;
  record.utime_us = 1500000;
  record.stime_us = 250000;
  record.maxrss_kib = 20480;
  record.minflt = 17;
  record.majflt = 18;
  record.nvcsw = 19;
  record.nivcsw = 20;
  record.rchar = 21;
  record.wchar = 22;
  record.syscr = 23;
  record.syscw = 24;
  record.read_bytes = 25;
  record.write_bytes = 26;
  record.present = 0x3F;
  record.wait_status = 42 << 8;
  record.pid = 101;
  record.ppid = 100;
  record.uid = 1000;
  record.gid = 1001;
  record.kernel_flags = 0x40;
  record.nice = 10;
  std::memcpy(record.comm, "cc1plus", 7);
  return end;
}

inline accounting::EndOfJob end_of_job(std::uint64_t key) {
  accounting::EndOfJob end;
  end.key = {kInstance, key};
  end.jid = core::JobId(0x8000000100000000ULL + key);
  end.uid = core::Uid(1000);
  end.gid = core::Gid(1001);
  end.started = {core::BootTime(5000000), core::RealTime(1795303530123456)};
  end.ended = {core::BootTime(8000000), core::RealTime(1795303533123456)};
  end.result.reason = core::Reason::kOverLimit;
  end.result.has_status = true;
  end.result.wait_status = 15;
  end.result.limit = {core::LimitKind::kWallTime, 3000000, 2000000};
  end.result.by = core::Uid(7);
  end.result.detail = "uid 7 (alice)";
  end.totals.user_time = core::Microseconds(31);
  end.totals.system_time = core::Microseconds(0);
  end.totals.memory_peak = core::Bytes(33 << 20);
  end.totals.read_bytes = core::Bytes(34);
  end.totals.write_bytes = core::Bytes(35);
  end.totals.oom_kills = 0;
  end.totals.processes_not_seen = 37;
  end.processes_seen = 38;
  end.stragglers = 39;
  end.engine = core::Engine::kCgroup2;
  return end;
}

inline void add(Bytes& bytes, const accounting::RecordBytes& record) {
  bytes.insert(bytes.end(), record.view().begin(), record.view().end());
}

/// A directory that is removed with all that is in it.
class Directory {
 public:
  Directory() {
    char name[] = "/tmp/corral-accounting-XXXXXX";
    if (::mkdtemp(name) != nullptr) path_ = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    return path_ + "/" + name;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(file),
                                std::istreambuf_iterator<char>()};
  const auto* const begin = reinterpret_cast<const std::byte*>(chars.data());
  return {begin, begin + chars.size()};
}

inline void write_file(const std::string& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

/// A file of the repository's tests/data/csa.
inline Bytes golden(const std::string& name) {
  return read_file(std::string(CORRAL_SOURCE) + "/tests/data/csa/" + name);
}

struct ReadFile {
  std::vector<accounting::Group> groups;
  std::vector<accounting::Damage> damages;
};

/// Everything that a reader makes of a file.
inline ReadFile read_groups(const std::string& path) {
  ReadFile read;
  auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
  if (!file) return read;
  accounting::CsaReader reader(std::move(*file));
  for (;;) {
    auto group = reader.next();
    if (!group || !*group) break;
    read.groups.push_back(std::move(**group));
  }
  read.damages = reader.damages();
  return read;
}

inline ReadFile read_groups(const Bytes& bytes) {
  const Directory directory;
  write_file(directory.file("pacct"), bytes);
  return read_groups(directory.file("pacct"));
}

}  // namespace samples
