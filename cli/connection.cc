// SPDX-License-Identifier: Apache-2.0
#include "cli/connection.h"

#include <sys/stat.h>
#include <unistd.h>

#include "bus/client_transport.h"

namespace cli {
namespace {

void add_possible(std::vector<Instance>& instances, sys::InstanceKind kind) {
  const sys::Places places = sys::find_places(kind, core::Uid(::geteuid()),
                                              sys::process_environment());
  for (const std::string& socket :
       {places.socket, sys::fallback_socket(places)}) {
    bool is_known = socket.empty();
    for (const Instance& instance : instances)
      is_known = is_known || instance.socket == socket;
    if (!is_known) instances.push_back({.kind = kind, .socket = socket});
  }
}

/// Could only we or root have made a socket there? A directory in /tmp may be
/// anybody's, and whoever answers would be told our environment.
bool is_trusted(const std::string& socket) {
  const std::string directory = socket.substr(0, socket.rfind('/'));
  struct stat status = {};
  if (::lstat(directory.c_str(), &status) < 0) return false;
  const bool is_ours = status.st_uid == ::geteuid() || status.st_uid == 0;
  return S_ISDIR(status.st_mode) && is_ours &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

Which which_instance(const Arguments& arguments) {
  if (arguments.has("system")) return Which::kSystem;
  if (arguments.has("private")) return Which::kPrivate;
  return Which::kAny;
}

std::vector<Instance> possible_instances(Which which) {
  std::vector<Instance> instances;
  if (which != Which::kPrivate)
    add_possible(instances, sys::InstanceKind::kSystem);
  if (which != Which::kSystem)
    add_possible(instances, sys::InstanceKind::kPrivate);
  return instances;
}

std::optional<Instance> find_running(Which which) {
  for (const Instance& instance : possible_instances(which))
    if (is_trusted(instance.socket) && bus::is_answering(instance.socket))
      return instance;
  return std::nullopt;
}

core::Answer<bus::Client> connect(Which which, bus::ClientOptions options) {
  if (const auto instance = find_running(which))
    return bus::Client::connect(instance->socket, options);
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
  return std::unexpected(core::Refused{.why = core::Refusal::kUnavailable,
                                       .text = std::move(text)});
}

std::string_view word_of(sys::InstanceKind kind) {
  return kind == sys::InstanceKind::kSystem ? "system" : "private";
}

}  // namespace cli
