// SPDX-License-Identifier: Apache-2.0
#include "collect/kernel_program.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

namespace collect {

namespace {

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

}  // namespace

void keep_complaints() {
  (void)libbpf_set_print(note_complaint);
}

/// Three arguments, with the one that all have.
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

sys::UniqueFd copy_of(int fd) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  return sys::UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

}  // namespace collect
