// SPDX-License-Identifier: Apache-2.0
#include "collect/events_loader.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <events.skel.h>  // made by bpftool from events.bpf.c

#include "collect/kernel_program.h"
#include "sys/collector_facts.h"

namespace collect {

namespace {

struct CloseObject {
  void operator()(events_bpf* object) const { events_bpf__destroy(object); }
};
using Object = std::unique_ptr<events_bpf, CloseObject>;

LoadedEvents failed(int code, std::string why) {
  LoadedEvents loaded;
  loaded.code = code == 0 ? EINVAL : code;
  loaded.why = std::move(why);
  return loaded;
}

/// The link's descriptor; errno if there is none.
sys::UniqueFd attach(bpf_program* program) {
  const std::unique_ptr<bpf_link, decltype(&bpf_link__destroy)> link(
      bpf_program__attach(program), bpf_link__destroy);
  return link ? copy_of(bpf_link__fd(link.get())) : sys::UniqueFd();
}

int set_control(const events_bpf& object) {
  corral_events_control control = {};
  control.ring_size = bpf_map__max_entries(object.maps.ring);
  const std::uint32_t zero = 0;
  return -bpf_map_update_elem(bpf_map__fd(object.maps.control), &zero, &control,
                              BPF_ANY);
}

}  // namespace

LoadedEvents load_events() {
  if (const std::string_view why = sys::obstacle_to_ebpf(); !why.empty())
    return failed(ENOTSUP, std::string(why));
  keep_complaints();
  const Object object(events_bpf__open());
  if (!object) return failed(errno, words_for(errno, "open"));
  const bool is_told = tells_the_last();
  (void)bpf_program__set_autoload(object->progs.exit_told, is_told);
  (void)bpf_program__set_autoload(object->progs.exit_hooked, !is_told);
  if (const int code = -events_bpf__load(object.get()); code != 0)
    return failed(code, words_for(code, "load"));
  if (const int code = set_control(*object); code != 0)
    return failed(code, words_for(code, "set up"));
  LoadedEvents loaded;
  auto& parts = loaded.parts;
  const auto map = [](const bpf_map* one) { return copy_of(bpf_map__fd(one)); };
  parts[CORRAL_PART_RING] = map(object->maps.ring);
  parts[CORRAL_PART_CONTROL] = map(object->maps.control);
  parts[CORRAL_PART_SLOTS] = map(object->maps.slots);
  parts[CORRAL_PART_CGROUPS] = map(object->maps.cgroups);
  parts[CORRAL_PART_MEMBERS] = map(object->maps.members);
  // Exits first: no number is to stay in `members` for who is gone.
  parts[CORRAL_PART_EXIT] =
      attach(is_told ? object->progs.exit_told : object->progs.exit_hooked);
  parts[CORRAL_PART_EXEC] = attach(object->progs.executed);
  parts[CORRAL_PART_FORK] = attach(object->progs.forked);
  const bool is_whole = std::ranges::all_of(
      parts, [](const sys::UniqueFd& fd) { return fd.is_open(); });
  if (!is_whole) return failed(errno, words_for(errno, "attach"));
  return loaded;
}

}  // namespace collect
