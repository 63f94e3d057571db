// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/ja_flow.h"

#include <algorithm>
#include <utility>

#include "accounting/text/quantities.h"
#include "accounting/text/shown_text.h"

namespace accounting::ja {

/// By the time at which they began, then in the order of their ends.
std::vector<std::size_t> Flow::in_order(std::vector<std::size_t> nodes) const {
  std::ranges::sort(nodes, [this](std::size_t a, std::size_t b) {
    return std::pair(nodes_[a].began, a) < std::pair(nodes_[b].began, b);
  });
  return nodes;
}

void Flow::add(const csa::Csa& process) {
  Node node{.command = std::string(ShownText(process.comm)).substr(0, 15),
            .cpu_seconds = seconds_of_usec(process.utime + process.stime),
            .began = process.btime,
            .jid = process.jid,
            .pid = process.pid,
            .ppid = process.ppid,
            .has_parent = false,
            .children = {}};
  const auto found = waiting_.find(process.pid);
  if (found != waiting_.end()) {
    node.children = in_order(std::move(found->second));
    waiting_.erase(found);
    for (const std::size_t child : node.children)
      nodes_[child].has_parent = true;
  }
  waiting_[node.ppid].push_back(nodes_.size());
  nodes_.push_back(std::move(node));
}

void Flow::write_node(ReportText& text, const Node& node, int level,
                      bool is_long) const {
  const std::size_t width = level == 0 ? 6 : 0;
  // Deeper than anybody reads: lines that grow with the level are quadratic.
  constexpr int kDeepest = 100;
  for (int i = 0; i < std::min(level, kDeepest); ++i)
    text.add("\t\t");
  if (level > 0) text.add(" -> ");
  text.left(node.command, 16, 16);
  if (is_long) {
    text.add(" (").fixed(node.cpu_seconds, 9, 4).add(") (");
    text.number(static_cast<std::int32_t>(node.ppid), width).add(") (");
    text.number(static_cast<std::int32_t>(node.pid), width).add(") (");
    text.plain_hex(node.jid).add(')');
  }
  text.add('\n');
}

void Flow::write(ReportText& text, bool is_long, bool is_raw) const {
  if (!is_raw) {
    text.add(
        "\n\nJob Accounting - Command Flow Report\n"
        "====================================\n\n");
    text.add(is_long
                 ? "parent           (CPU time    PPID     PID      JID)  -> "
                   "child   ...\n=============================================="
                   "======================\n"
                 : "parent\t\t -> child   ...\n"
                   "===================================\n");
  }
  std::vector<std::size_t> roots;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (!nodes_[i].has_parent) roots.push_back(i);
  std::vector<std::pair<std::size_t, int>> rest;  // nodes and their levels
  const auto push = [&rest](const std::vector<std::size_t>& nodes, int level) {
    for (auto it = nodes.rbegin(); it != nodes.rend(); ++it)
      rest.emplace_back(*it, level);
  };
  push(in_order(roots), 0);
  while (!rest.empty()) {
    const auto [index, level] = rest.back();
    rest.pop_back();
    write_node(text, nodes_[index], level, is_long);
    push(nodes_[index].children, level + 1);
  }
}

}  // namespace accounting::ja
