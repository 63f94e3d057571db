// SPDX-License-Identifier: Apache-2.0
#include "cli/report/http_answer.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>

#include "cli/report/openmetrics.h"

namespace cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestHead = 8192;

/// Up to the empty line; nothing if it does not come in time.
std::optional<std::string> read_head(const HttpConnection& connection) {
  const auto deadline = Clock::now() + connection.patience;
  std::string head;
  while (!head.contains("\r\n\r\n") && !head.contains("\n\n")) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd input = {.fd = connection.input, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || head.size() > kLongestHead) return std::nullopt;
    const int ready = ::poll(&input, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    std::array<char, 4096> bytes = {};
    const ssize_t n = ::read(connection.input, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    head.append(bytes.data(), static_cast<std::size_t>(n));
  }
  return head;
}

/// A writer that waits no longer than the connection's patience.
bool write_all(const HttpConnection& connection, std::string_view text) {
  while (!text.empty()) {
    pollfd output = {.fd = connection.output, .events = POLLOUT, .revents = 0};
    const int ready =
        ::poll(&output, 1, static_cast<int>(connection.patience.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    // No more at a time than surely fits a pipe that is ready.
    ssize_t n = ::send(connection.output, text.data(), text.size(),
                       MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == ENOTSOCK)
      n = ::write(connection.output, text.data(),
                  std::min<std::size_t>(text.size(), 4096));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return small;
}

std::string answer(std::string_view status, std::string_view type,
                   std::string_view body, bool has_body) {
  std::string text = "HTTP/1.1 " + std::string(status) +
                     "\r\nContent-Type: " + std::string(type) +
                     "\r\nContent-Length: " + std::to_string(body.size()) +
                     "\r\nConnection: close\r\n";
  if (status.starts_with("405")) text += "Allow: GET, HEAD\r\n";
  text += "\r\n";
  if (has_body) text += body;
  return text;
}

/// METHOD TARGET HTTP/1.x
struct RequestLine {
  std::string_view method;
  std::string_view target;
};

std::optional<RequestLine> parse_request(std::string_view head) {
  std::string_view line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0)
    return std::nullopt;
  if (!line.substr(last + 1).starts_with("HTTP/1.")) return std::nullopt;
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!target.starts_with('/')) return std::nullopt;
  return RequestLine{.method = line.substr(0, first),
                     .target = target.substr(0, target.find('?'))};
}

std::string answer_to(std::string_view head,
                      const std::function<std::string()>& metrics) {
  constexpr std::string_view kPlain = "text/plain; charset=utf-8";
  const auto request = parse_request(head);
  if (!request)
    return answer("400 Bad Request", kPlain, "expected GET /metrics\n", true);
  const bool is_head = request->method == "HEAD";
  if (request->method != "GET" && !is_head)
    return answer("405 Method Not Allowed", kPlain, "expected GET or HEAD\n",
                  true);
  if (request->target != "/metrics")
    return answer("404 Not Found", kPlain, "the metrics are at /metrics\n",
                  !is_head);
  const bool is_new = lower(head).contains("application/openmetrics-text");
  return answer("200 OK", is_new ? kOpenMetricsType : kOlderMetricsType,
                metrics(), !is_head);
}

}  // namespace

bool answer_scrape(const HttpConnection& connection,
                   const std::function<std::string()>& metrics) {
  const auto head = read_head(connection);
  return head && write_all(connection, answer_to(*head, metrics));
}

}  // namespace cli
