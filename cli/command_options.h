// SPDX-License-Identifier: Apache-2.0
// Each command's options, examples, exit codes and keys of JSON: what the rows
// of the command table (command_table.cc) name. Those of commands about an
// instance and its files are in instance_options.h, limit's in limit_options.h,
// session's in session_options.h.
#pragma once

#include "cli/command_table.h"

namespace cli::options {

// NOLINTBEGIN(modernize-use-designated-initializers): tables

inline constexpr OptionRow kHelp = {"help", 'h', ValueType::kFlag, "",
                                    "Show this help and exit"};
inline constexpr OptionRow kJson = {"json", 'j', ValueType::kFlag, "",
                                    "Print facts as JSON"};
inline constexpr OptionRow kSystem = {"system", '\0', ValueType::kFlag, "",
                                      "Ask the system instance only"};
inline constexpr OptionRow kPrivate = {"private", '\0', ValueType::kFlag, "",
                                       "Ask your private instance only"};

inline constexpr OptionRow kAcceptLess = {
    "accept-less", '\0', ValueType::kFlag, "",
    "Take a limit that cannot hold for the whole job as far as it holds, "
    "instead of refusing it"};

inline constexpr OptionPair kInstancePairs[] = {{"system", "private"}};

// --- run -------------------------------------------------------------------

inline constexpr OptionRow kRunOptions[] = {
    {"detach", 'd', ValueType::kFlag, "",
     "Run it in the background, away from this terminal, and print its jid"},
    {"array", '\0', ValueType::kArray, "none",
     "With --detach: run it once for each of these indices, as an array of "
     "jobs (ARRAYS)"},
    {"name", 'n', ValueType::kName, "none",
     "Name the job; no other live job of yours may have the name"},
    {"tag", 't', ValueType::kTag, "none",
     "Put a tag on the job, to find it by (ps --tag)", Repeat::kAllCount},
    {"project", 'P', ValueType::kChargeName, "none; with --parent that job's",
     "Charge the job to this project (PROJECTS)"},
    {"account", 'A', ValueType::kChargeName, "none; with --parent that job's",
     "And to this account of the project"},
    {"jid", '\0', ValueType::kJid, "the next",
     "With --detach: the job's id, above all that there were or passed over "
     "before; for root, the instance's own user and the site's schedulers"},
    {"with-caller", '\0', ValueType::kFlag, "",
     "With --detach: end the job when the process that called corral ends"},
    {"env", 'e', ValueType::kAssignment, "",
     "Set a variable of the program's environment", Repeat::kAllCount},
    {"cwd", 'C', ValueType::kDirectory, "the current directory",
     "Start the program in this directory"},
    {"user", 'u', ValueType::kUser, "yourself",
     "Run it as this user (needs the right to become that user)"},
    {"report", 'r', ValueType::kReport, "",
     "Print a report on standard error when the job has ended"},
    {"engine", '\0', ValueType::kEngine, "the best that works here",
     "Contain the job by this engine"},
    {"grace", 'g', ValueType::kDuration, "5s",
     "How long processes may take to end when they are asked to"},
    {"signal", 's', ValueType::kSignal, "TERM",
     "The signal that asks processes to end"},
    {"linger", '\0', ValueType::kFlag, "",
     "Let the job live until its last process has ended by itself"},
    {"kill-stragglers", '\0', ValueType::kFlag, "",
     "Kill at once what the main process leaves behind"},
    {"limit", 'l', ValueType::kLimit, "none",
     "Hold the job to these limits, as in cpu=1h:2h/signal=USR1 (LIMITS): over "
     "time or memory it is ended, over others its calls fail",
     Repeat::kAllCount},
    kAcceptLess,
    {"parent", '\0', ValueType::kJob, "none",
     "Nest the job in this one: it ends with it, and is bound by its limits"},
    {"delegate", '\0', ValueType::kFlag, "",
     "Leave the job's cgroup to its user: for what makes cgroups itself "
     "(DELEGATION)"},
    {"domain", '\0', ValueType::kName, "interactive; with --detach batch",
     "Whose limits of the site's hold (limits.toml(5)); may who may use --jid"},
    {"began", '\0', ValueType::kTime, "now",
     "When the job began that goes on in this one from a checkpoint: its "
     "start is accounted as a restart"},
    {"json", 'j', ValueType::kFlag, "", "With --detach, print JSON"},
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kRunExamples[] = {
    {"corral run -- make -j4", "a build, with all it starts, as one job"},
    {"corral run --report --limit wall=10m ./simulate",
     "a bounded run and a report at its end"},
    {"corral run -d --name web -- ./server --port 8080",
     "a job in the background with a name"},
    {"corral run -d --array 1-100%8 -- sh -c './part $CORRAL_ARRAY_INDEX'",
     "a hundred jobs of one array, eight at a time"},
};
inline constexpr OptionPair kRunPairs[] = {
    {"linger", "kill-stragglers"}, {"system", "private"},
    {"detach", "report"},          {"json", "detach", true},
    {"array", "detach", true},     {"array", "parent"},
    {"jid", "detach", true},       {"with-caller", "detach", true},
};
inline constexpr ExitCode kRunCodes[] = {
    {"0-124", "The program's own exit code"},
    {"125",
     "Corral itself failed; a request that it refuses has its code of EXIT "
     "STATUS"},
    {"126", "The program was found and could not be executed"},
    {"127", "The program was not found"},
    {"128+N",
     "The program was ended by signal N. On a foreground job the "
     "signal is raised again, so that the shell sees it"},
};
inline constexpr JsonKey kRunKeys[] = {
    {"jid", "the job's id, 0x and hexadecimal digits"},
    {"name", "its name, null without one"},
    {"instance", "_system_ or _private_"},
};

// --- ps, tree, show ----------------------------------------------------------

inline constexpr OptionRow kPsOptions[] = {
    {"all", 'a', ValueType::kFlag, "", "Show ended jobs too"},
    {"mine", 'm', ValueType::kFlag, "", "Show your own jobs only"},
    {"array", '\0', ValueType::kJob, "all jobs",
     "Show this array and its members only"},
    {"tag", 't', ValueType::kTag, "all jobs",
     "Show jobs with this tag only: KEY=VALUE, or KEY with any value",
     Repeat::kAllCount},
    {"project", 'P', ValueType::kChargeName, "all jobs",
     "Show jobs that are charged to this project only"},
    {"account", 'A', ValueType::kChargeName, "all jobs",
     "Show jobs that are charged to this account only"},
    {"no-header", '\0', ValueType::kFlag, "", "Leave the column titles out"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kPsExamples[] = {
    {"corral ps", "the jobs that live"},
    {"corral ps -a --json | jq -r '.[].jid'", "the ids of all known jobs"},
    {"corral ps -a --array web", "the array 'web' and all its members so far"},
};
inline constexpr JsonKey kPsKeys[] = {
    {"(array)",
     "one object a job, by ascending jid, with the keys of "
     "*corral show*"},
    {"process_count", "in each: how many processes live; null: not known"},
};

inline constexpr OptionRow kTreeOptions[] = {kJson, kSystem, kPrivate, kHelp};
inline constexpr Example kTreeExamples[] = {
    {"corral tree", "all jobs with their processes"},
    {"corral tree web",
     "the processes of the job 'web', and the jobs nested in it"},
};
inline constexpr JsonKey kTreeKeys[] = {
    {"(array)",
     "one object a job with the keys of *corral show*; behind each those that "
     "are nested in it (_parent_)"},
    {"processes",
     "its processes, with those of jobs in it: _pid_, _ppid_, _command_, "
     "_state_ (as in "
     "proc(5)), _cpu_us_; null when you may not see them"},
};

inline constexpr OptionRow kShowOptions[] = {
    {"pid", 'p', ValueType::kFlag, "",
     "The words are process ids: show what these processes are in their jobs, "
     "and the jobs"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kShowExamples[] = {
    {"corral show web", "all that is known of the job 'web'"},
    {"corral show self", "the job that this process is in"},
    {"corral show --pid 4711", "the job that process 4711 is in"},
};
inline constexpr JsonKey kShowKeys[] = {
    {"jid, name, owner, user",
     "the job's id, its name (null: none), the "
     "owner's number and name (null: unknown)"},
    {"kind, engine, state, freezer_state",
     "words: _foreground_, _detached_, _attached_, _session_ or _array_; "
     "_cgroup2_ or "
     "_subreaper_; the state; _running_, _freezing_ or _frozen_"},
    {"parent, domain, service",
     "the job that it is nested in; the site's word for its kind, and who "
     "opened it, of a session (null: none)"},
    {"array, array_index",
     "the array that it is a member of, and as which (null: of none)"},
    {"members",
     "of an array an object: its _range_, _size_, and how many members were "
     "_made_, are _living_, have _ended_, _failed_ of those, and were "
     "_dropped_ before they were made; else null"},
    {"tags", "what was put on it to find it by, in that order"},
    {"project, account, project_id",
     "what it is charged to, and the project's number (null: none)"},
    {"argv, main_pid",
     "the command (null when you may not see it), the main "
     "process (null: none lives)"},
    {"limits",
     "an object with the hard bound of each limit by its word: microseconds, "
     "bytes, a count, percent of one processor (_cpu-rate_), a mask of "
     "processors (_cpu-set_); null: none"},
    {"soft_limits", "the same of the soft bounds"},
    {"limit_actions",
     "for each limit of which it was said, by its word: _signal_ (over the "
     "soft bound), _action_ (the first signal over the hard one) and "
     "_grace_us_"},
    {"created_us, started_us, ended_us",
     "microseconds since 1970; null: not yet"},
    {"age_us", "time since its start, or the time that it ran"},
    {"result, sentence, exit_code, signal, shell_code",
     "why it ended: a word, a sentence, the main process's code or signal "
     "(null: none), what a shell shows; all null while it lives"},
    {"limit",
     "the limit that it passed, as _kind_ (its name in sentences), _word_ "
     "(its key in _limits_), _value_ and _bound_; null: none"},
    {"user_us, system_us, memory_peak_bytes, storage_read_bytes, "
     "storage_written_bytes, oom_kills, processes_not_seen",
     "totals of the whole job; null: not collected"},
    {"processes_seen, followed, stragglers, straggler_names",
     "processes that were seen to end, those that are followed outside of its "
     "container, and those ended at the job's end (names null: none)"},
    {"not_held",
     "sentences: limits that do not hold for the whole job (*--accept-less*)"},
    {"with_caller", "whether it ends with its creator (*run --with-caller*)"},
    {"container", "its directory below the cgroup mount; null: none"},
    {"process",
     "with *--pid* an object: its _pid_, its number in the cluster _gpid_ "
     "(without one: the pid), _command_ and _owner_ (null: it has just "
     "ended), whether it _is_main_, the job's prime process, its _membership_ "
     "(_contained_, _followed_, or _descends_: from the job's first), and "
     "_jids_, from the outermost job to its own"},
};

// --- top, events -------------------------------------------------------------

inline constexpr OptionRow kTopOptions[] = {
    {"delay", 'd', ValueType::kDuration, "2s", "Look again after this time"},
    {"times", 'n', ValueType::kCount, "",
     "Print so many tables instead of taking the terminal"},
    {"once", '1', ValueType::kFlag, "",
     "Print one table: percentages are since the jobs' starts"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr OptionPair kTopPairs[] = {{"system", "private"},
                                           {"once", "times"}};
inline constexpr Example kTopExamples[] = {
    {"corral top", "the jobs that live, on the whole terminal"},
    {"corral top -n 2 -d 10s", "what they used until now, and in ten seconds"},
    {"corral top --once --json", "the same for a program"},
};
inline constexpr JsonKey kTopKeys[] = {
    {"(object)", "one a line for each table"},
    {"time_us", "microseconds since 1970"},
    {"jobs",
     "an array with _jid_, _name_, _owner_, _user_, _state_ as *corral show* "
     "has them, and what follows; null: not collected"},
    {"cpu_percent, cpu_us",
     "of one processor since the table before (the first: since its start), "
     "and in all"},
    {"memory_bytes, is_sum",
     "now; true: it, or the processor time, was added up from the processes"},
    {"storage_bytes_per_second, processes", "read and written, and now"},
    {"limits", "for each limit of the job by its word: _used_ and _bound_"},
};

inline constexpr OptionRow kEventsOptions[] = {kJson, kSystem, kPrivate, kHelp};
inline constexpr Example kEventsExamples[] = {
    {"corral events", "what happens to all jobs"},
    {"corral events --json web | jq -r .event",
     "until the job 'web' has ended"},
};
inline constexpr ExitCode kEventsCodes[] = {
    {"0", "All the jobs that were named have ended"},
};
inline constexpr JsonKey kEventsKeys[] = {
    {"(object)",
     "one a line for each event, as org.corral.Manager1 gives them "
     "(Subscribe)"},
    {"event",
     "_new_, _changed_, _limit_, _soft-limit_ or _ended_ of a job; _lost_: "
     "_count_ events "
     "were not told, as they were read too slowly; _begin_: the instance tells "
     "from here on, once more after a restart of its supervisor"},
    {"number, time_us",
     "its number in one run of the supervisor (0: not told then, but found to "
     "have happened), microseconds since 1970"},
    {"jid, name, owner, state, freezer_state, main_pid",
     "of the job, as *corral show* has them"},
    {"kind, engine", "with _new_"},
    {"limit",
     "with _limit_, _soft-limit_ and, null or not, with _ended_: an object "
     "with _kind_, _word_, _value_ and _bound_"},
    {"signal", "with _soft-limit_: that it was sent"},
    {"result, sentence, exit_code, signal, shell_code", "with _ended_"},
};

// --- kill, wait, log ---------------------------------------------------------

inline constexpr OptionRow kKillOptions[] = {
    {"project", 'P', ValueType::kChargeName, "",
     "Instead of naming jobs: your jobs that are charged to this project; "
     "root: everybody's"},
    {"account", 'A', ValueType::kChargeName, "",
     "The same of an account; with both: of this account of that project"},
    {"tag", 't', ValueType::kTag, "",
     "The same of jobs with this tag: KEY=VALUE, or KEY with any value",
     Repeat::kAllCount},
    {"signal", 's', ValueType::kSignalOrNone, "",
     "Send this signal to every process, and nothing else; 0 sends none and "
     "tells only whether one could be sent. -HUP and -1 mean -s HUP",
     Repeat::kLastCounts, true},
    {"main", '\0', ValueType::kFlag, "",
     "With --signal: to the main process only"},
    {"group", '\0', ValueType::kCount, "",
     "With --signal: to the processes of this process group of the job only"},
    {"grace", 'g', ValueType::kDuration, "the job's own",
     "Wait so long between asking and killing; 0 kills at once"},
    {"wait", 'w', ValueType::kFlag, "this",
     "Return when nothing of the job lives"},
    {"no-wait", '\0', ValueType::kFlag, "", "Return when it was asked for"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr JsonKey kKillKeys[] = {
    {"jid", "one object a line: a job that was reached"},
    {"signal", "what it was sent, by name, or 0; null: it was told to end"},
    {"ended",
     "_true_: nothing of it lives; _false_: whether that is so could not be "
     "known; null: it was not waited for"},
};
inline constexpr Example kKillExamples[] = {
    {"corral kill web", "ask it to end; kill what lives after its grace"},
    {"corral kill -g 0 web db", "kill two jobs at once"},
    {"corral kill -HUP --main web", "a signal to its main process"},
    {"corral kill --project physics", "end all your jobs of a project"},
};
inline constexpr OptionPair kKillPairs[] = {
    {"system", "private"}, {"signal", "grace"},      {"signal", "wait"},
    {"wait", "no-wait"},   {"main", "signal", true}, {"group", "signal", true},
    {"group", "main"},
};
inline constexpr ExitCode kKillCodes[] = {
    {"0", "Every job was ended, was sent the signal, or could be (0)"},
};

inline constexpr OptionRow kAttachOptions[] = {
    {"new", '\0', ValueType::kFlag, "",
     "Make a new job of the processes, and print its jid: every word is a "
     "process"},
    {"mode", 'm', ValueType::kAttachMode, "move; with --parent nested",
     "move: a process that is in no job; nested: one of the job around it, in "
     "which it stays; logical: one that is followed where it is, not moved; "
     "transfer: one of "
     "another job, which it leaves"},
    {"name", 'n', ValueType::kName, "none", "With --new: name the job"},
    {"parent", '\0', ValueType::kJob, "none",
     "With --new: nest the job in this one"},
    {"limit", 'l', ValueType::kLimit, "none",
     "With --new: hold the job to these limits", Repeat::kAllCount},
    kAcceptLess,
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr OptionPair kAttachPairs[] = {
    {"system", "private"},        {"name", "new", true},
    {"parent", "new", true},      {"limit", "new", true},
    {"accept-less", "new", true},
};
inline constexpr Example kAttachExamples[] = {
    {"corral attach web 4711", "process 4711 is of the job 'web' now"},
    {"corral attach --new --name editor 4711 4712",
     "a new job of two processes"},
    {"corral attach --new --parent web 4711",
     "a job within 'web', of a process that is in there"},
};
inline constexpr JsonKey kAttachKeys[] = {
    {"jid", "the job's id"},
    {"pids", "an array of the processes that it took"},
};
inline constexpr OptionRow kDetachOptions[] = {
    {"job", '\0', ValueType::kFlag, "",
     "The words are jobs: take all of their processes out, so that they end"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kDetachExamples[] = {
    {"corral detach 4711", "process 4711 is in no job any more"},
    {"corral detach --job web", "nor is any of 'web', which ends"},
};
inline constexpr JsonKey kDetachKeys[] = {
    {"jid", "one object a line: the job that a process was in"},
    {"pids", "an array of the process"},
    {"count", "instead of _pids_ with *--job*: how many there were"},
};

inline constexpr OptionRow kFreezeOptions[] = {kJson, kSystem, kPrivate, kHelp};
inline constexpr JsonKey kFreezeKeys[] = {
    {"jid", "one object a line: a job that was reached"},
    {"freezer_state", "_frozen_ or _running_"},
};
inline constexpr Example kFreezeExamples[] = {
    {"corral freeze batch1 batch2", "give their processors to others"},
};
inline constexpr Example kThawExamples[] = {
    {"corral thaw batch1", "it goes on where it stood"},
};

inline constexpr OptionRow kWaitOptions[] = {
    {"report", 'r', ValueType::kReport, "",
     "Print a report on standard error when a job has ended"},
    {"quiet", 'q', ValueType::kFlag, "", "Show no status line on a terminal"},
    {"timeout", 't', ValueType::kDuration, "none",
     "Wait no longer than that, for all of them"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kWaitExamples[] = {
    {"corral wait web", "wait, and exit as the job did"},
    {"corral wait --timeout 10m web", "no longer than ten minutes"},
    {"corral wait --report 0x8000000100000003", "a report when it ends"},
};
inline constexpr ExitCode kWaitCodes[] = {
    {"0-124",
     "The exit code of the job's main process; of several jobs, that "
     "of the last one named"},
    {"125", "The job ended and its status is unknown, or it never ran"},
    {"126, 127", "The job's program could not be executed, was not found"},
    {"128+N", "The job's main process was ended by signal N"},
    {"75", "Also: the time was over, and a job still lives"},
};
inline constexpr JsonKey kWaitKeys[] = {
    {"(object)",
     "one a line for each job, with the keys of *corral show*; one that still "
     "lives when the time is over has another _state_ than _ended_"},
};

inline constexpr OptionRow kLogOptions[] = {
    {"follow", 'f', ValueType::kFlag, "",
     "Go on with what is written until the job has ended"},
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kLogExamples[] = {
    {"corral log -f web", "the output of 'web', as it comes"},
};

// NOLINTEND(modernize-use-designated-initializers)

}  // namespace cli::options
