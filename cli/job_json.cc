// SPDX-License-Identifier: Apache-2.0
#include "cli/job_json.h"

#include <nlohmann/json.hpp>

namespace cli {
namespace {

// Ordered: keys are printed as they are documented.
using Json = nlohmann::ordered_json;

std::string line_of(const Json& json) {
  // Names and arguments are bytes: what is no UTF-8 is shown as U+FFFD.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string detached_json(core::JobId jid, std::string_view name,
                          std::string_view instance) {
  Json json;
  json["jid"] = core::display(jid).view();
  json["name"] = name.empty() ? Json() : Json(name);
  json["instance"] = instance;
  return line_of(json);
}

}  // namespace cli
