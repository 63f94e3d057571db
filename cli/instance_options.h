// SPDX-License-Identifier: Apache-2.0
// What the rows of doctor, daemon-reexec, records and report in the command
// table name, like command_options.h.
#pragma once

#include "cli/command_options.h"

namespace cli::options {

// NOLINTBEGIN(modernize-use-designated-initializers): tables

inline constexpr OptionRow kDoctorOptions[] = {
    {"limits", '\0', ValueType::kFlag, "",
     "Tell for each engine and limit whether it is enforced here"},
    kJson,
    kHelp,
};
inline constexpr Example kDoctorExamples[] = {
    {"corral doctor", "what works here, what does not, and the fix"},
};
inline constexpr ExitCode kDoctorCodes[] = {
    {"0", "Nothing keeps Corral from working here"},
    {"1", "Something does; its line says the fix"},
};
inline constexpr JsonKey kDoctorKeys[] = {
    {"version, kernel, machine", "of Corral and of this host"},
    {"engine, engine_why", "the engine that is chosen here and the reason"},
    {"facts",
     "what the choice was made from: _has_cgroup2_, "
     "_cgroup2_is_writable_, _has_cgroup_kill_, _cgroup_base_"},
    {"collectors",
     "for _ebpf_, _taskstats_ and _wait_ why it cannot count processes here; "
     "null: it can"},
    {"counts_delays",
     "whether the kernel counts what processes wait for block devices and "
     "swap (kernel.task_delayacct)"},
    {"event_sources",
     "for _ebpf_ and _proc-connector_ why it cannot tell providers of forks "
     "here; null: it can"},
    {"limits",
     "for each limit of an instance's jobs _held_by_ (_clock_, _readings_, "
     "_cgroup2_, _cgroup1_, _each process_ or _nothing_) and _lacking_: how it "
     "holds less than asked; null: it holds"},
    {"hierarchies",
     "of cgroups, that are mounted here: _version_, _name_, _controllers_, "
     "_mount_, our own _cgroup_ in it as a directory, its _owner_, to whom it "
     "was delegated, and _is_writable_, for us; null: our own is not seen"},
    {"limit_table",
     "for each engine and limit its _verdict_ (_enforced_, _approximated_, "
     "_refused_), _held_by_ and _lacking_"},
    {"programs",
     "the paths of _corral-init_, _corral-reaper_ and _corrald_; null: not "
     "found"},
    {"instances",
     "those that could be there: _kind_, _socket_, _is_running_ and, when it "
     "answers, _version_, _jobs_live_, _pacct_, _records_written_, "
     "_records_waiting_, _records_lost_, _collector_, _collector_why_, "
     "_supervisor_starts_"},
    {"pacct, pacct_problem",
     "the accounting file of jobs without a running "
     "instance, and why it cannot be written (null: "
     "it can)"},
    {"checks",
     "each check: _name_, _status_ (_ok_, _note_ or "
     "_problem_), _finding_, _fix_"},
};

inline constexpr OptionRow kReexecOptions[] = {kSystem, kPrivate, kHelp};
inline constexpr Example kReexecExamples[] = {
    {"corral daemon-reexec", "after an upgrade; no job notices"},
};

inline constexpr OptionRow kRecordsOptions[] = {kJson, kSystem, kPrivate,
                                                kHelp};
inline constexpr Example kRecordsExamples[] = {
    {"corral records", "what is written now, as text"},
    {"corral records --json /var/csa/day/pacct1", "a switched file"},
};
inline constexpr ExitCode kRecordsCodes[] = {
    {"1", "There is no file, it cannot be read, or parts of it are damaged"},
};
inline constexpr JsonKey kRecordsKeys[] = {
    {"(objects)",
     "one record a line, in the order of the file, with the keys of *corral "
     "show* for the same facts; a counter that was not collected is absent, "
     "never 0; _began_us_ is of a restart, the job's first start"},
};

inline constexpr OptionRow kIndexOptions[] = {
    {"rebuild", '\0', ValueType::kFlag, "", "Make it anew"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kIndexExamples[] = {
    {"corral index", "before reports, or each night"},
    {"rm /var/csa/day/.corral-index", "do without it again"},
};
inline constexpr ExitCode kIndexCodes[] = {
    {"1", "A file could not be read, or the index not be written"},
};
inline constexpr JsonKey kIndexKeys[] = {
    {"(objects)",
     "one file a line: _file_, _what_ (_indexed_, _up to date_, _removed_ or "
     "_failed_), _bytes_, _covered\\_bytes_, _why_"},
};

inline constexpr OptionRow kArchiveOptions[] = {
    {"keep-for", '\0', ValueType::kDuration, "for ever",
     "Remove files whose last record is older"},
    {"keep-size", '\0', ValueType::kSize, "any",
     "Remove the oldest while all together are larger"},
    {"dry-run", 'n', ValueType::kFlag, "", "Only tell what would be done"},
    kJson,
    kHelp,
};
inline constexpr Example kArchiveExamples[] = {
    {"corral archive", "pack what was switched"},
    {"corral archive --keep-for 90d -n", "what 90 days would leave"},
};
inline constexpr ExitCode kArchiveCodes[] = {
    {"1", "A file could not be packed or removed, or corral.toml has faults"},
};
inline constexpr JsonKey kArchiveKeys[] = {
    {"(objects)",
     "one file a line: _file_, _what_ (_packed_, _removed_, _kept_ or "
     "_failed_), _bytes_, _packed_bytes_, _why_"},
};

inline constexpr OptionRow kUseOptions[] = {
    {"by", 'b', ValueType::kUseKey, "user", "What to sum up by"},
    {"user", 'u', ValueType::kUser, "all", "Only jobs of this user"},
    {"since", '\0', ValueType::kDay, "the first",
     "Only what ended on this day or later"},
    {"until", '\0', ValueType::kDay, "the last",
     "Only what ended before this day"},
    {"units", '\0', ValueType::kFlag, "",
     "Also system billing units, by csa.conf"},
    {"csv", '\0', ValueType::kFlag, "", "Print CSV"},
    {"openmetrics", '\0', ValueType::kFlag, "",
     "Print the text format of OpenMetrics 1.0, for Prometheus"},
    {"http", '\0', ValueType::kFlag, "",
     "Answer one HTTP request on standard input and output"},
    {"html", '\0', ValueType::kFile, "",
     "Write one page with pictures to this file"},
    {"output", 'o', ValueType::kFile, "standard output",
     "Write to this file, which is replaced when all is written"},
    {"no-header", '\0', ValueType::kFlag, "", "Leave the column titles out"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr OptionPair kUsePairs[] = {
    {"json", "csv"},         {"json", "openmetrics"},
    {"csv", "openmetrics"},  {"http", "openmetrics", true},
    {"http", "output"},      {"openmetrics", "no-header"},
    {"html", "json"},        {"html", "csv"},
    {"html", "openmetrics"}, {"html", "output"},
    {"html", "by"},          {"html", "no-header"},
    {"html", "units"},       {"system", "private"},
};
inline constexpr Example kUseExamples[] = {
    {"corral report", "what each user used"},
    {"corral report --by day --since 2026-11-01 --json",
     "each day of a month, for a program"},
    {"corral report --by job --user ann /var/csa/day/pacct*",
     "each job of a user"},
    {"corral report --by account --units", "what each account owes"},
    {"corral report --html jobs.html --since 2026-11-01",
     "a page for a browser"},
    {"corral report web", "all of the last job called web"},
    {"corral report --openmetrics -o "
     "/var/lib/prometheus/node-exporter/corral.prom",
     "for node_exporter's textfile collector"},
};
inline constexpr ExitCode kUseCodes[] = {
    {"1", "There is no file, one cannot be read, or parts of it are damaged"},
    {"66", "The files have no such job"},
};
inline constexpr JsonKey kUseKeys[] = {
    {"by", "what was summed up by"},
    {"rows",
     "by processor time, the most first: the key (an account behind its "
     "project and a colon), the _name_ of a job, user or group, _jobs_, "
     "_open_jobs_ (without an end in the files), _processes_, "
     "_wall_us_, _user_us_, _system_us_, _memory_peak_bytes_ (the largest), "
     "_read_bytes_, _written_bytes_ (by read and write calls), "
     "_storage_read_bytes_, _storage_written_bytes_, with *--units* _units_; "
     "null: it was not "
     "collected. Where it is not known of some, the key with *\\_unknown* "
     "behind "
     "it says of how many"},
    {"jid",
     "of one job, one object for each job of that jid: _name_, _uid_, _user_, "
     "_gid_, _project_, _node_, _has_ended_, _result_, _sentence_, "
     "_exit_code_, _limit_ (that ended it), _engine_, _started_us_, "
     "_ended_us_, _wall_us_, _user_us_, "
     "_system_us_, _memory_peak_bytes_ (_memory_is_of_process_: of the "
     "largest), _storage_read_bytes_, _storage_written_bytes_ "
     "(_storage_is_of_processes_: not of its cgroup), the sums of its "
     "processes' counters and what its end record counts, by their keys of "
     "*corral records* (with *\\_unknown* behind it: of how many processes the "
     "sum lacks a part), _collectors_, _records_lost_ (of any job, between two "
     "of its own in a file), with *--units* _units_"},
    {"asked",
     "each hard bound that it had at last, and what a batch request reserved "
     "(_of_request_): _limit_, _asked_, _used_ and its _share_"},
    {"limit_changes",
     "each change of its limits while it lived: _when_us_, _by_uid_, and "
     "_asked_, all bounds that held from then on"},
    {"hints", "what could be asked instead, as sentences"},
    {"processes",
     "in the order of the tree, with their _depth_ in it: _pid_, _ppid_, "
     "_name_, times, counters (by their keys of *corral records*), "
     "_collector_, _gpid_, with *--units* _units_, _exit_code_, _signal_, "
     "_was_signalled_, "
     "_dumped_core_, _includes_children_"},
};

// NOLINTEND(modernize-use-designated-initializers)

}  // namespace cli::options
