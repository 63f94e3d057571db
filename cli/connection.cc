// SPDX-License-Identifier: Apache-2.0
#include "cli/connection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <ranges>

#include "bus/client_transport.h"
#include "cli/living_instance.h"
#include "core/duration.h"

namespace cli {
namespace {

void add_once(std::vector<Instance>& instances, sys::InstanceKind kind,
              const std::string& socket) {
  for (const Instance& instance : instances)
    if (instance.socket == socket) return;
  if (!socket.empty()) instances.push_back({.kind = kind, .socket = socket});
}

}  // namespace

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

bool is_trusted(const std::string& socket) {
  const std::string directory = socket.substr(0, socket.rfind('/'));
  struct stat status = {};
  if (::lstat(directory.c_str(), &status) < 0) return false;
  const bool is_ours = status.st_uid == ::geteuid() || status.st_uid == 0;
  return S_ISDIR(status.st_mode) && is_ours &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::vector<Instance> possible_instances(Which which) {
  std::vector<sys::Places> places;
  for (const auto kind :
       {sys::InstanceKind::kSystem, sys::InstanceKind::kPrivate})
    if (which == Which::kAny ||
        (which == Which::kSystem) == (kind == sys::InstanceKind::kSystem))
      places.push_back(sys::find_places(kind, core::Uid(::geteuid()),
                                        sys::process_environment()));
  std::vector<Instance> instances;
  for (const sys::Places& place : places)
    add_once(instances, place.kind, place.socket);
  // These are the same for both kinds, and the system's comes there only where
  // /run cannot be written.
  for (const sys::Places& place : places | std::views::reverse)
    add_once(instances, place.kind, sys::fallback_socket(place));
  for (const sys::Places& place : places | std::views::reverse)
    add_once(instances, place.kind, sys::last_socket(place));
  return instances;
}

std::optional<Instance> find_running(Which which) {
  for (const Instance& instance : possible_instances(which))
    if (is_trusted(instance.socket) && bus::is_answering(instance.socket))
      return instance;
  return std::nullopt;
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
  text += "); 'corral run -d' starts a private one";
  return {.why = core::Refusal::kUnavailable, .text = std::move(text)};
}

std::string_view word_of(sys::InstanceKind kind) {
  return kind == sys::InstanceKind::kSystem ? "system" : "private";
}

}  // namespace cli
