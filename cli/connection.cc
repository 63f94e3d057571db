// SPDX-License-Identifier: Apache-2.0
#include "cli/connection.h"

#include "cli/living_instance.h"
#include "core/duration.h"

namespace cli {

Which which_instance(const Arguments& arguments) {
  if (arguments.has("system")) return Which::kSystem;
  if (arguments.has("private")) return Which::kPrivate;
  return Which::kAny;
}

core::Microseconds first_answer_within(core::Microseconds otherwise) {
  const auto text = sys::process_environment()("CORRAL_TIMEOUT");
  if (!text) return otherwise;
  return core::parse_duration(*text).value_or(otherwise);  // it was checked
}

core::Answer<bus::Client> connect(Which which, bus::ClientOptions options) {
  const auto patience = first_answer_within();
  options.hello_within = patience;
  if (const auto instance = TRY(await_living(which, patience)))
    return bus::Client::connect(instance->socket, options);
  return std::unexpected(no_instance(which));
}

core::Refused no_instance(Which which) {
  std::string text = "no ";
  if (which == Which::kSystem) text += "system ";
  if (which == Which::kPrivate) text += "private ";
  text += "instance of Corral is running (nobody listens at";
  std::string_view separator = " '";
  for (const Instance& instance : possible_instances(which)) {
    text.append(separator).append(instance.socket).append("'");
    separator = ", '";
  }
  text += which == Which::kSystem ? "); it is the unit corrald.service"
                                  : "); 'corral run -d' starts a private one";
  return {.why = core::Refusal::kUnavailable, .text = std::move(text)};
}

std::string_view word_of(sys::InstanceKind kind) {
  return kind == sys::InstanceKind::kSystem ? "system" : "private";
}

}  // namespace cli
