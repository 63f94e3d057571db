// SPDX-License-Identifier: Apache-2.0
#include "collect/loader.h"

#include <sys/random.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <exit.skel.h>  // made by bpftool from exit.bpf.c

#include "accounting/kernel_exit.h"
#include "collect/kernel_program.h"
#include "sys/collector_facts.h"

namespace collect {

namespace {

struct CloseObject {
  void operator()(exit_bpf* object) const { exit_bpf__destroy(object); }
};
using Object = std::unique_ptr<exit_bpf, CloseObject>;

Loaded failed(int code, std::string why) {
  Loaded loaded;
  loaded.code = code;
  loaded.why = std::move(why);
  return loaded;
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

Loaded load(const RingChoice& ring, bool is_trial) {
  if (const std::string_view why = sys::obstacle_to_ebpf(); !why.empty())
    return failed(ENOTSUP, std::string(why));
  keep_complaints();
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
  loaded.members = copy_of(bpf_map__fd(object->maps.members));
  loaded.forked = copy_of(bpf_program__fd(object->progs.follow_child));
  return loaded;
}

}  // namespace collect
