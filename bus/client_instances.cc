// SPDX-License-Identifier: Apache-2.0
#include "bus/client_instances.h"

#include <sys/stat.h>
#include <unistd.h>

#include <ranges>

#include "bus/client_transport.h"

namespace bus {

namespace {

void add_once(std::vector<Instance>& instances, sys::InstanceKind kind,
              const std::string& socket) {
  for (const Instance& instance : instances)
    if (instance.socket == socket) return;
  if (!socket.empty()) instances.push_back({.kind = kind, .socket = socket});
}

}  // namespace

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
    if (is_trusted(instance.socket) && is_answering(instance.socket))
      return instance;
  return std::nullopt;
}

}  // namespace bus
