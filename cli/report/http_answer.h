// SPDX-License-Identifier: Apache-2.0
// One request of Prometheus, answered on an open connection: what inetd and
// systemd's Accept=yes start a program for. So no process of Corral's waits for
// scrapes, listens, or decides who may connect.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace cli {

struct HttpConnection {
  int input = 0;
  int output = 1;
  /// For the whole request to come, and again for each part of the answer to
  /// be taken.
  std::chrono::milliseconds patience{5000};
};

/// Reads a request (RFC 9112, at most 8 KiB of head), answers `GET /metrics` or
/// HEAD with the text of `metrics`, everything else with an error, and is done.
/// False: nobody was told anything, as no request came or its sender is gone.
[[nodiscard]] bool answer_scrape(const HttpConnection& connection,
                                 const std::function<std::string()>& metrics);

}  // namespace cli
