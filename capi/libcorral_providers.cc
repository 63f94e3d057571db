// SPDX-License-Identifier: Apache-2.0
// libcorral: aggregate providers and subscriptions.
#include <unistd.h>

#include "capi/calls.h"

namespace {

using capi::do_with_client;
using capi::with_client;

corral_provider provider_of(const core::ProviderView& view) {
  corral_provider provider = {};
  capi::set_text(provider.name, view.name);
  provider.owner = view.owner.raw();
  provider.pid = view.pid.raw();
  capi::set_text(provider.source, core::name_of(view.source));
  provider.told = view.told;
  provider.waiting = view.waiting;
  provider.lost = view.lost;
  return provider;
}

using Change = core::Answer<void> (bus::Client::*)(std::string_view,
                                                   std::uint64_t,
                                                   const bus::AggregatePart&);

int change(corral* connection, Change change, const char* provider,
           std::uint64_t aggregate, const bus::AggregatePart& part) {
  if (provider == nullptr) return -EINVAL;
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const int code = part.job == core::kNoJob
                         ? capi::check_open(*connection, part.pidfd, "a pidfd")
                         : 0;
    if (code != 0) return code;
    TRY((client.*change)(provider, aggregate, part));
    return 0;
  });
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): C's names
extern "C" {

CORRAL_API int corral_subscribe_to(corral* connection,
                                   const char* const* classes,
                                   int* descriptor) {
  if (descriptor == nullptr) return -EINVAL;
  return do_with_client(
      connection, [&](bus::Client& client) -> core::Answer<void> {
        auto events = TRY(client.subscribe(capi::texts_of(classes)));
        *descriptor = events.release();
        return {};
      });
}

CORRAL_API int corral_register_provider(corral* connection, const char* name,
                                        const char* const* events,
                                        int* descriptor) {
  if (name == nullptr || descriptor == nullptr) return -EINVAL;
  return do_with_client(
      connection, [&](bus::Client& client) -> core::Answer<void> {
        auto stream =
            TRY(client.register_provider(name, capi::texts_of(events)));
        *descriptor = stream.release();
        return {};
      });
}

CORRAL_API int corral_unregister_provider(corral* connection,
                                          const char* name) {
  if (name == nullptr) return -EINVAL;
  return do_with_client(connection, [&](bus::Client& client) {
    return client.unregister_provider(name);
  });
}

CORRAL_API int corral_show_provider(corral* connection, const char* name,
                                    corral_provider* provider) {
  if (name == nullptr) return -EINVAL;
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const core::ProviderView* found = nullptr;
    const auto views = TRY(client.list_providers());
    for (const core::ProviderView& view : views)
      if (view.name == name &&
          (found == nullptr || view.owner.raw() == ::geteuid()))
        found = &view;
    if (found != nullptr) return capi::give(provider, provider_of(*found));
    connection->error =
        "provider '" + std::string(name) + "' is not registered";
    return -ENOENT;
  });
}

CORRAL_API int corral_attach_to_aggregate(corral* connection,
                                          const char* provider,
                                          uint64_t aggregate, corral_jid jid,
                                          int pidfd) {
  return change(connection, &bus::Client::attach_to_aggregate, provider,
                aggregate, {.job = core::JobId(jid), .pidfd = pidfd});
}

CORRAL_API int corral_detach_from_aggregate(corral* connection,
                                            const char* provider,
                                            uint64_t aggregate, corral_jid jid,
                                            int pidfd) {
  return change(connection, &bus::Client::detach_from_aggregate, provider,
                aggregate, {.job = core::JobId(jid), .pidfd = pidfd});
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
