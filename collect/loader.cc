// SPDX-License-Identifier: Apache-2.0
#include "collect/loader.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <exit.skel.h>  // made by bpftool from exit.bpf.c

#include "accounting/kernel_exit.h"
#include "sys/collector_facts.h"

namespace collect {

namespace {

constexpr std::uint64_t kUsualRing = std::uint64_t{64} << 20U;
constexpr std::uint64_t kSmallestRing = std::uint64_t{1} << 20U;
/// Of the memory that is available it takes so much at most.
constexpr std::uint64_t kShare = 32;
/// libbpf's complaint that came last: the verifier's report is not for people.
std::string& last_complaint() {
  static std::string text;
  return text;
}

int note_complaint(libbpf_print_level level, const char* format,
                   va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char text[256] = {};
  const int size = std::vsnprintf(text, sizeof text, format, arguments);
  std::string_view line(text);
  line = line.substr(0, line.find('\n'));
  if (size > 0 && !line.empty() && last_complaint().empty())
    last_complaint() = line;
  return size;
}

struct CloseObject {
  void operator()(exit_bpf* object) const { exit_bpf__destroy(object); }
};
using Object = std::unique_ptr<exit_bpf, CloseObject>;

/// Whether the tracepoint says which thread is the last: three arguments, with
/// the one that all have.
bool tells_the_last() {
  const std::unique_ptr<btf, decltype(&btf__free)> types(
      btf__load_vmlinux_btf(), btf__free);
  if (!types) return false;
  const std::int32_t id = btf__find_by_name_kind(
      types.get(), "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF);
  if (id < 0) return false;
  const btf_type* type =
      btf__type_by_id(types.get(), static_cast<std::uint32_t>(id));
  type = type == nullptr ? nullptr : btf__type_by_id(types.get(), type->type);
  type = type == nullptr ? nullptr : btf__type_by_id(types.get(), type->type);
  return type != nullptr && btf_vlen(type) >= 3;
}

std::string words_for(int code, const char* deed) {
  std::string text = std::string("the kernel refuses to ") + deed +
                     " it: " + std::strerror(code);
  if (code == EPERM || code == EACCES)
    return text +
           " (it takes CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, and a kernel "
           "that is not locked down)";
  if (!last_complaint().empty()) text += " (" + last_complaint() + ")";
  return text;
}

Loaded failed(int code, std::string why) {
  Loaded loaded;
  loaded.code = code;
  loaded.why = std::move(why);
  return loaded;
}

sys::UniqueFd copy_of(int fd) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  return sys::UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

/// What the program and the reader agree on.
int set_control(const exit_bpf& object, std::uint64_t ring_size) {
  corral_control control = {};
  if (::getrandom(&control.ring_id, sizeof control.ring_id, 0) < 0)
    return errno;
  control.ring_id |= 1;  // not 0
  control.ring_size = ring_size;
  control.wake_at = ring_size / 4;
  const std::uint32_t zero = 0;
  return -bpf_map_update_elem(bpf_map__fd(object.maps.control), &zero, &control,
                              BPF_ANY);
}

}  // namespace

RingChoice choose_ring(std::uint64_t available) {
  if (available == 0 || available / kShare >= kUsualRing)
    return {.size = kUsualRing, .why = {}};
  const std::uint64_t size =
      std::max(std::bit_floor(available / kShare), kSmallestRing);
  return {.size = size,
          .why = "memory is short (" + std::to_string(available >> 20U) +
                 " MiB are available), so its ring has " +
                 std::to_string(size >> 20U) + " MiB instead of 64"};
}

Loaded load(const RingChoice& ring, bool is_trial) {
  if (const std::string_view why = sys::obstacle_to_ebpf(); !why.empty())
    return failed(ENOTSUP, std::string(why));
  (void)libbpf_set_print(note_complaint);
  const Object object(exit_bpf__open());
  if (!object) return failed(errno, words_for(errno, "open"));
  const bool is_told = tells_the_last();
  bpf_program* const program =
      is_told ? object->progs.exit_told : object->progs.exit_hooked;
  (void)bpf_program__set_autoload(object->progs.exit_told, is_told);
  (void)bpf_program__set_autoload(object->progs.exit_hooked, !is_told);
  const std::uint64_t size = is_trial ? kSmallestRing : ring.size;
  (void)bpf_map__set_max_entries(object->maps.ring,
                                 static_cast<std::uint32_t>(size));
  if (const int code = -exit_bpf__load(object.get()); code != 0)
    return failed(code, words_for(code, "load"));
  if (is_trial) return {};
  if (const int code = set_control(*object, size); code != 0)
    return failed(code, words_for(code, "set up"));
  const std::unique_ptr<bpf_link, decltype(&bpf_link__destroy)> link(
      bpf_program__attach(program), bpf_link__destroy);
  if (!link) return failed(errno, words_for(errno, "attach"));
  Loaded loaded;
  loaded.why = ring.why;
  loaded.ring_size = size;
  loaded.link = copy_of(bpf_link__fd(link.get()));
  loaded.jobs = copy_of(bpf_map__fd(object->maps.jobs));
  loaded.ring = copy_of(bpf_map__fd(object->maps.ring));
  loaded.control = copy_of(bpf_map__fd(object->maps.control));
  return loaded;
}

}  // namespace collect
