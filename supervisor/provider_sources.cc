// SPDX-License-Identifier: Apache-2.0
#include "supervisor/provider_sources.h"

#include "supervisor/connector_source.h"
#include "supervisor/kernel_source.h"
#include "sys/own_programs.h"

namespace supervisor {

Providers::Sources provider_sources(EventLoop& loop, ProcessSink& sink,
                                    std::optional<core::EventSource> asked) {
  Providers::Sources sources;
  const auto is_tried = [asked](core::EventSource source) {
    return !asked || *asked == source;
  };
  const auto program = sys::find_own_program(sys::OwnProgram::kCollect);
  if (is_tried(core::EventSource::kEbpf) && program)
    sources.push_back(std::make_unique<KernelSource>(loop, sink, *program));
  if (is_tried(core::EventSource::kConnector))
    sources.push_back(std::make_unique<ConnectorSource>(loop, sink));
  return sources;
}

}  // namespace supervisor
