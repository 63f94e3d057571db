// SPDX-License-Identifier: Apache-2.0
#include "cli/process_tree.h"

#include <map>

#include "cli/job_text.h"

namespace cli {
namespace {

using Process = core::ProcessView;

/// A line to be written, and what stands before it.
struct Open {
  const Process* process;
  std::string indent;
  bool is_last;
};

std::string facts_of(const Process& process) {
  std::string text =
      std::to_string(process.pid.raw()) + " " + printable(process.command);
  text += std::string(" (") + process.state;
  text += ", " + short_time(core::Microseconds(process.cpu_us)) + ")";
  return text;
}

class Tree {
 public:
  explicit Tree(const std::vector<Process>& processes) {
    std::map<core::Pid, const Process*> by_pid;
    for (const Process& process : processes)
      by_pid[process.pid] = &process;
    for (const auto& [pid, process] : by_pid) {
      // A process is no child of itself, whatever a racing /proc said.
      const bool is_root =
          !by_pid.contains(process->ppid) || process->ppid == pid;
      children_[is_root ? core::Pid() : process->ppid].push_back(process);
    }
  }

  [[nodiscard]] std::string render(const Screen& screen,
                                   const std::string& indent) const {
    std::string text;
    std::vector<Open> open;
    push_children(open, core::Pid(), indent);
    while (!open.empty()) {
      const Open next = std::move(open.back());
      open.pop_back();
      std::string line = next.indent + (next.is_last ? "`- " : "|- ") +
                         facts_of(*next.process);
      if (screen.width > 0) line = std::string(fit(line, screen.width));
      text += line + "\n";
      push_children(open, next.process->pid,
                    next.indent + (next.is_last ? "   " : "|  "));
    }
    return text;
  }

 private:
  /// Onto a stack: the first child last.
  void push_children(std::vector<Open>& open, core::Pid parent,
                     const std::string& indent) const {
    const auto found = children_.find(parent);
    if (found == children_.end()) return;
    const auto& children = found->second;
    for (auto child = children.rbegin(); child != children.rend(); ++child)
      open.push_back({.process = *child,
                      .indent = indent,
                      .is_last = child == children.rbegin()});
  }

  std::map<core::Pid, std::vector<const Process*>> children_;
};

}  // namespace

std::string process_tree(const std::vector<core::ProcessView>& processes,
                         const Screen& screen, const std::string& indent) {
  return Tree(processes).render(screen, indent);
}

}  // namespace cli
