// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csadrep_text.h"

#include <algorithm>

#include "accounting/text/account_names.h"
#include "accounting/text/quantities.h"
#include "accounting/text/shown_text.h"

namespace accounting::csadrep {

namespace {

double percent(double part, double all) {
  return all == 0 ? 100.0 : 100.0 * (part / all);
}

/// In single precision, as published.
double percent_of_jobs(int part, int all) {
  if (all == 0) return 100;
  return static_cast<double>(
      static_cast<float>(100.0 * static_cast<double>(static_cast<float>(part) /
                                                     static_cast<float>(all))));
}

void job_row(ReportText& text, std::string_view type, int jobs,
             double percentage) {
  text.left(type, 11).add("  ").number(jobs, 10).add(" (");
  text.fixed(percentage, 3, 0).add(")  \n");
}

void cpu_row(ReportText& text, std::string_view type, const Times& times,
             double all) {
  const auto cell = [&](std::uint64_t usec) {
    const double seconds = seconds_of_usec(usec);
    text.fixed(seconds, 10, 0).add(" (").fixed(percent(seconds, all), 3, 0);
    text.add(')');
  };
  text.left(type, 11).add("  ");
  cell(times.cpu());
  text.add("  ");
  cell(times.system);
  text.add("  ");
  cell(times.user);
  text.add('\n');
}

/// The lines about queues.
class QueueReport {
 public:
  QueueReport(ReportText& text, const DaemonUse& use, int detail)
      : text_(text), use_(use), detail_(detail) {}

  void write() {
    if (!table()) return;
    if (detail_ < 1) return;
    for (const Queue& queue : use_.queues())
      if (queue.use.jobs != 0) one(queue);
    if (detail_ > 1) all_users();
  }

 private:
  bool table();
  void table_row(std::string_view name, int jobs, double seconds,
                 double percentage, double wait);
  void one(const Queue& queue);
  void facts(const Queue& queue);
  void requests(const Queue& queue);
  void users(const Queue& queue);
  void all_users();
  std::string user(std::uint32_t uid) {
    const std::string& name = names_.user(uid);
    return name[0] == '?' ? std::to_string(static_cast<std::int32_t>(uid))
                          : name;
  }

  /// How many requests a user has and what they used.
  struct UserUse {
    std::uint32_t uid;
    int jobs;
    std::uint64_t cpu;
  };
  static std::vector<UserUse> by_user(
      const std::vector<const RequestUse*>& requests) {
    std::vector<UserUse> users;
    for (const RequestUse* const request : requests) {
      auto found = std::ranges::find(users, request->uid, &UserUse::uid);
      if (found == users.end())
        found = users.insert(users.end(),
                             {.uid = request->uid, .jobs = 0, .cpu = 0});
      ++found->jobs;
      found->cpu += request->cpu();
    }
    return users;
  }

  ReportText& text_;
  const DaemonUse& use_;
  int detail_;
  AccountNames names_;
};

void QueueReport::table_row(std::string_view name, int jobs, double seconds,
                            double percentage, double wait) {
  text_.left(name, 16, 16).add(' ').number(jobs, 8).add(' ');
  text_.fixed(seconds, 8, 0).add(" (").fixed(percentage, 3, 0).add(") ");
  text_.number(0, 8).add(' ').fixed(wait, 10, 2).add('\n');
}

bool QueueReport::table() {
  const double all = seconds_of_usec(use_.batch.cpu());
  bool is_any = false;
  std::int64_t wait = 0;
  for (const Queue& queue : use_.queues()) {
    const QueueUse& use = queue.use;
    if (use.jobs == 0) continue;
    if (!is_any)
      text_.add(
          "\n\nBatch Queue Report\n==================\n\n"
          "     Queue        Number     CPU Time      Used   Ave Queue \n"
          "     Name         of Jobs  (sec)    (%)    Tapes  Wait (sec)\n"
          "---------------- -------- -------------- -------- ----------\n");
    is_any = true;
    const double seconds = seconds_of_usec(use.system + use.user);
    wait += use.wait;
    table_row(ShownText(use.name), use.jobs, seconds, percent(seconds, all),
              static_cast<double>(use.wait) / static_cast<double>(use.jobs));
  }
  if (!is_any) {
    text_.add("\n\nNo Batch usage\n");
    return false;
  }
  table_row("Totals", use_.batch_jobs, all, 100.0,
            static_cast<double>(wait) / static_cast<double>(use_.batch_jobs));
  return true;
}

void QueueReport::facts(const Queue& queue) {
  const QueueUse& use = queue.use;
  const auto jobs = static_cast<double>(use.jobs);
  text_.add("\n\nQueue:                                          ");
  text_.add(ShownText(use.name));
  text_.add("\nAverage CPU Time:                               ");
  text_.fixed(seconds_of_usec(use.system + use.user) / jobs, 0, 3);
  text_.add("\nLargest CPU Time:                               ");
  text_.fixed(seconds_of_usec(use.cpu_highest), 0, 3);
  text_.add("\nSmallest CPU Time:                              ");
  text_.fixed(seconds_of_usec(use.cpu_lowest), 0, 3);
  const auto count = [this](std::string_view label, std::uint64_t value) {
    text_.add('\n').add(label).number(static_cast<std::int64_t>(value));
  };
  text_.add("\nAverage Job Core Memory Hiwater (Kbytes)    :   ");
  text_.fixed(static_cast<double>(use.core_himem) / jobs, 0, 0);
  count("Largest Job Core Memory Hiwater (Kbytes)    :   ", use.core_highest);
  count("Smallest Job Core Memory Hiwater (Kbytes)   :   ", use.core_lowest);
  text_.add("\nAverage Job Virtual Memory Hiwater (Kbytes) :   ");
  text_.fixed(static_cast<double>(use.virt_himem) / jobs, 0, 0);
  count("Largest Job Virtual Memory Hiwater (Kbytes) :   ", use.virt_highest);
  count("Smallest Job Virtual Memory Hiwater (Kbytes):   ", use.virt_lowest);
  text_.add('\n');
  for (const MachineUse& machine : queue.machines) {
    text_.add("Jobs submitted from ").left(ShownText(machine.name), 16, 16);
    text_.add("        :   ").number(machine.jobs).add('\n');
  }
}

void QueueReport::requests(const Queue& queue) {
  struct Heading {
    std::string_view begin;
    std::string_view delays;
    std::string_view end;
  };
  // clang-format off: a table
  constexpr Heading kHeadings[] = {
      {.begin = "  User         Request        CPU Time     Core Mem   Virt Mem  ",
       .delays = "    CPU      Block I/O    Swap In   ", .end = "    Machine      Sequence # Array\n"},
      {.begin = "  Name          Name           (sec)      HiWat (KB) HiWat (KB) ",
       .delays = "Delay (sec) Delay (sec) Delay (sec) ", .end = "     Name        Request ID  ID\n"},
      {.begin = "--------- ---------------- -------------- ---------- ---------- ",
       .delays = "----------- ----------- ----------- ", .end = "---------------- ---------- -----\n"},
  };
  // clang-format on
  const bool has_delays = detail_ > 3;
  text_.add("\n\nQueue: ").add(ShownText(queue.use.name)).add('\n');
  for (const Heading& heading : kHeadings) {
    text_.add(heading.begin);
    if (has_delays) text_.add(heading.delays);
    text_.add(heading.end);
  }
  for (const RequestUse& request : queue.requests) {
    text_.left(user(request.uid), 9, 9).add(' ');
    text_.left(ShownText(request.name), 16, 16).add(' ');
    text_.fixed(seconds_of_usec(request.cpu()), 14, 3).add(' ');
    text_.number(static_cast<std::int64_t>(request.core_himem), 10).add(' ');
    text_.number(static_cast<std::int64_t>(request.virt_himem), 10).add(' ');
    if (has_delays) {
      text_.fixed(seconds_of_nsec(request.cpu_delay), 11, 3).add(' ');
      text_.fixed(seconds_of_nsec(request.block_delay), 11, 3).add(' ');
      text_.fixed(seconds_of_nsec(request.swap_delay), 11, 3).add(' ');
    }
    text_.left(ShownText(request.machine), 16, 16).add(' ');
    text_.number(request.reqid, 10).add(' ').number(request.arrayid, 5);
    text_.add('\n');
  }
}

void QueueReport::users(const Queue& queue) {
  std::vector<const RequestUse*> requests;
  for (const RequestUse& request : queue.requests)
    requests.push_back(&request);
  text_.add(
      "\n\n  User    Number      CPU Time   \n"
      "   ID     of Jobs      (sec)     \n"
      "-------- --------- --------------\n");
  int jobs = 0;
  double seconds = 0;
  const auto row = [this](std::string_view name, int count, double cpu) {
    text_.left(name, 8, 8).add(' ').number(count, 9).add(' ');
    text_.fixed(cpu, 14, 3).add('\n');
  };
  for (const UserUse& use : by_user(requests)) {
    const double cpu = seconds_of_usec(use.cpu);
    row(user(use.uid), use.jobs, cpu);
    jobs += use.jobs;
    seconds += cpu;
  }
  row("Total", jobs, seconds);
}

void QueueReport::one(const Queue& queue) {
  facts(queue);
  if (detail_ > 2) requests(queue);
  if (detail_ > 1) users(queue);
}

/// As published up to the first queue that no request began in.
void QueueReport::all_users() {
  std::vector<const RequestUse*> requests;
  std::uint64_t all = 0;
  for (const Queue& queue : use_.queues()) {
    if (queue.requests.empty()) break;
    for (const RequestUse& request : queue.requests) {
      requests.push_back(&request);
      all += request.cpu();
    }
  }
  text_.add(
      "\n\nAll Batch Queues:\n"
      "  User     Number           CPU Time     \n"
      "  Name     of Jobs       (sec)       (%) \n"
      "--------  ---------  --------------------\n");
  int jobs = 0;
  double seconds = 0;
  const auto row = [&](std::string_view name, int count, double cpu) {
    text_.left(name, 8, 8).add("  ").number(count, 9).add("  ");
    text_.fixed(cpu, 14, 3).add(" (");
    text_.fixed(percent(cpu, seconds_of_usec(all)), 3, 0).add(")\n");
  };
  for (const UserUse& use : by_user(requests)) {
    const double cpu = seconds_of_usec(use.cpu);
    row(user(use.uid), use.jobs, cpu);
    jobs += use.jobs;
    seconds += cpu;
  }
  row("Total", jobs, seconds);
}

}  // namespace

void write_types(ReportText& text, const DaemonUse& use) {
  const int all = use.interactive_jobs + use.batch_jobs;
  text.add(
      "Job Type Report\n===============\n\n"
      "   Job        Total Job Count  \n"
      "   Type       (number)   (%)    \n"
      "-----------  ----------------  \n");
  job_row(text, "Interactive", use.interactive_jobs,
          percent_of_jobs(use.interactive_jobs, all));
  job_row(text, "Batch", use.batch_jobs, percent_of_jobs(use.batch_jobs, all));
  job_row(text, "Grand Total", all, 100);
  text.add(
      "\n\nCPU Usage Report\n================\n\n"
      "   Job        Total CPU Time   System CPU Time    User CPU Time  \n"
      "   Type        (sec)     (%)     (sec)     (%)     (sec)     (%) \n"
      "-----------  ----------------  ----------------  ----------------\n");
  Times sum = use.interactive;
  sum.add(use.batch);
  const double seconds = seconds_of_usec(sum.cpu());
  cpu_row(text, "Interactive", use.interactive, seconds);
  cpu_row(text, "Batch", use.batch, seconds);
  cpu_row(text, "Grand Total", sum, seconds);
}

void write_queues(ReportText& text, const DaemonUse& use, int detail) {
  QueueReport(text, use, detail).write();
}

}  // namespace accounting::csadrep
