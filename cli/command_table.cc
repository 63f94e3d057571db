// SPDX-License-Identifier: Apache-2.0
#include "cli/command_table.h"

#include "cli/handlers.h"

namespace cli {
namespace {

constexpr OptionRow kHelp = {"help", 'h', ValueType::kFlag, "",
                             "Show this help and exit"};
constexpr OptionRow kJson = {"json", 'j', ValueType::kFlag, "",
                             "Print facts as JSON"};
constexpr OptionRow kSystem = {"system", '\0', ValueType::kFlag, "",
                               "Ask the system instance only"};
constexpr OptionRow kPrivate = {"private", '\0', ValueType::kFlag, "",
                                "Ask your private instance only"};

constexpr std::string_view kEndedJobs = "Its keys are those of *corral show*.";

// --- run -------------------------------------------------------------------

constexpr OptionRow kRunOptions[] = {
    {"detach", 'd', ValueType::kFlag, "",
     "Run it in the background, away from this terminal, and print its jid"},
    {"name", 'n', ValueType::kName, "none",
     "Name the job; no other live job of yours may have the name"},
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
     "End the job when it passes this limit", Repeat::kAllCount},
    {"json", 'j', ValueType::kFlag, "", "With --detach, print JSON"},
    kSystem,
    kPrivate,
    kHelp,
};
constexpr Example kRunExamples[] = {
    {"corral run -- make -j4", "a build, with all it starts, as one job"},
    {"corral run --report --limit wall=10m ./simulate",
     "a bounded run and a report at its end"},
    {"corral run -d --name web -- ./server --port 8080",
     "a job in the background with a name"},
};
constexpr ExitCode kRunCodes[] = {
    {"0-124", "The program's own exit code"},
    {"125", "Corral could not run it"},
    {"126", "The program was found and could not be executed"},
    {"127", "The program was not found"},
    {"128+N",
     "The program was ended by signal N. On a foreground job the "
     "signal is raised again, so that the shell sees it"},
};
constexpr JsonKey kRunKeys[] = {
    {"jid", "the job's id, 0x and hexadecimal digits"},
    {"name", "its name, null without one"},
    {"instance", "\"system\" or \"private\""},
};

// --- ps, tree, show ----------------------------------------------------------

constexpr OptionRow kPsOptions[] = {
    {"all", 'a', ValueType::kFlag, "", "Show ended jobs too"},
    {"mine", 'm', ValueType::kFlag, "", "Show your own jobs only"},
    {"no-header", '\0', ValueType::kFlag, "", "Leave the column titles out"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
constexpr Example kPsExamples[] = {
    {"corral ps", "the jobs that live"},
    {"corral ps -a --json | jq -r '.[].jid'", "the ids of all known jobs"},
};
constexpr JsonKey kPsKeys[] = {
    {"(array)",
     "one object a job, by ascending jid, with the keys of "
     "*corral show*"},
};

constexpr OptionRow kTreeOptions[] = {kJson, kSystem, kPrivate, kHelp};
constexpr Example kTreeExamples[] = {
    {"corral tree", "all jobs with their processes"},
    {"corral tree web", "the processes of the job 'web'"},
};
constexpr JsonKey kTreeKeys[] = {
    {"(array)", "one object a job with the keys of *corral show*"},
    {"processes",
     "its processes: _pid_, _ppid_, _command_, _state_ (as in "
     "proc(5)), _cpu_us_; null when you may not see them"},
};

constexpr OptionRow kShowOptions[] = {kJson, kSystem, kPrivate, kHelp};
constexpr Example kShowExamples[] = {
    {"corral show web", "all that is known of the job 'web'"},
    {"corral show self", "the job that this process is in"},
};
constexpr JsonKey kShowKeys[] = {
    {"jid, name, owner, user",
     "the job's id, its name (null: none), the "
     "owner's number and name (null: unknown)"},
    {"kind, engine, state",
     "words: \"foreground\" or \"detached\"; "
     "\"cgroup2\" or \"subreaper\"; the state"},
    {"argv, main_pid",
     "the command (null when you may not see it), the main "
     "process (null: none lives)"},
    {"created_us, started_us, ended_us",
     "microseconds since 1970; null: not yet"},
    {"age_us", "time since its start, or the time that it ran"},
    {"reason, sentence, exit_code, signal, shell_code",
     "why it ended: a word, a sentence, the main process's code or signal "
     "(null: none), what a shell shows; all null while it lives"},
    {"user_time_us, system_time_us, memory_peak, read_bytes, write_bytes, "
     "oom_kills, processes_not_seen",
     "totals of the whole job; null: not collected"},
    {"processes_seen, stragglers, straggler_names",
     "processes that were seen to end, and those ended at the job's end"},
    {"container", "its directory below the cgroup mount; null: none"},
};

// --- kill, wait, log ---------------------------------------------------------

constexpr OptionRow kKillOptions[] = {
    {"signal", 's', ValueType::kSignal, "",
     "Send this signal to every process, and nothing else"},
    {"main", '\0', ValueType::kFlag, "",
     "With --signal: to the main process only"},
    {"grace", 'g', ValueType::kDuration, "the job's own",
     "Wait so long between asking and killing; 0 kills at once"},
    {"wait", 'w', ValueType::kFlag, "this",
     "Return when nothing of the job lives"},
    {"no-wait", '\0', ValueType::kFlag, "", "Return when it was asked for"},
    kSystem,
    kPrivate,
    kHelp,
};
constexpr Example kKillExamples[] = {
    {"corral kill web", "ask it to end; kill what lives after its grace"},
    {"corral kill -g 0 web db", "kill two jobs at once"},
    {"corral kill -s HUP --main web", "a signal to its main process"},
};
constexpr ExitCode kKillCodes[] = {
    {"0", "Every job was ended, or was sent the signal"},
};

constexpr OptionRow kWaitOptions[] = {
    {"report", 'r', ValueType::kReport, "",
     "Print a report on standard error when a job has ended"},
    {"quiet", 'q', ValueType::kFlag, "", "Show no status line on a terminal"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
constexpr Example kWaitExamples[] = {
    {"corral wait web", "wait, and exit as the job did"},
    {"corral wait --report 0x8000000100000003", "a report when it ends"},
};
constexpr ExitCode kWaitCodes[] = {
    {"0-124",
     "The exit code of the job's main process; of several jobs, that "
     "of the last one named"},
    {"125", "The job ended and its status is unknown, or it never ran"},
    {"126, 127", "The job's program could not be executed, was not found"},
    {"128+N", "The job's main process was ended by signal N"},
};
constexpr JsonKey kWaitKeys[] = {
    {"(object)", "one a line for each job, with the keys of *corral show*"},
};

constexpr OptionRow kLogOptions[] = {
    {"follow", 'f', ValueType::kFlag, "",
     "Go on with what is written until the job has ended"},
    kSystem,
    kPrivate,
    kHelp,
};
constexpr Example kLogExamples[] = {
    {"corral log -f web", "the output of 'web', as it comes"},
};

// --- doctor, daemon-reexec, records -----------------------------------------

constexpr OptionRow kDoctorOptions[] = {kJson, kHelp};
constexpr Example kDoctorExamples[] = {
    {"corral doctor", "what works here, what does not, and the fix"},
};
constexpr ExitCode kDoctorCodes[] = {
    {"0", "Nothing keeps Corral from working here"},
    {"1", "Something does; its line says the fix"},
};
constexpr JsonKey kDoctorKeys[] = {
    {"version, kernel, machine", "of Corral and of this host"},
    {"engine, engine_why", "the engine that is chosen here and the reason"},
    {"facts",
     "what the choice was made from: _has_cgroup2_, "
     "_cgroup2_is_writable_, _has_cgroup_kill_, _cgroup_base_"},
    {"programs", "the path of each of our programs; null: not found"},
    {"instances",
     "\"system\" and \"private\": _socket_, _is_running_ and, "
     "when it answers, _version_, _jobs_live_, _pacct_, "
     "_records_written_, _records_waiting_, _records_lost_, "
     "_supervisor_starts_"},
    {"pacct, pacct_problem",
     "the accounting file of jobs without a running "
     "instance, and why it cannot be written (null: "
     "it can)"},
    {"checks",
     "each check: _name_, _status_ (\"ok\", \"note\" or "
     "\"problem\"), _finding_, _fix_"},
};

constexpr OptionRow kReexecOptions[] = {kSystem, kPrivate, kHelp};
constexpr Example kReexecExamples[] = {
    {"corral daemon-reexec", "after an upgrade; no job notices"},
};

constexpr OptionRow kRecordsOptions[] = {kJson, kHelp};
constexpr Example kRecordsExamples[] = {
    {"corral records ~/.local/state/corral/pacct", "the records as text"},
};
constexpr ExitCode kRecordsCodes[] = {
    {"1", "The file cannot be read, or parts of it are damaged"},
};
constexpr JsonKey kRecordsKeys[] = {
    {"(objects)",
     "one record a line, in the order of the file; a counter "
     "that was not collected is absent, never 0"},
};

constexpr Command kCommands[] = {
    {.name = "run",
     .summary = "Run a program as a job",
     .description =
         "Runs _PROGRAM_ as a job: an inescapable group of all the processes "
         "that it starts. Options end at the first word that is none, or at "
         "*--*.\n\n"
         "In the foreground the program keeps this session, terminal, "
         "descriptors, limits, signal dispositions and environment, so that "
         "*corral run* can stand before any command of a script. When the "
         "program ends, processes that it left behind are asked to end, then "
         "killed. If an instance is running, the job is one of its jobs; if "
         "none is, or none answers within 2 seconds, the job is contained and "
         "recorded all the same.\n\n"
         "With *--detach* the job belongs to the system instance if one is "
         "running, else to your private instance, which is started and ends "
         "when it has no job. The program then runs in a session of its own "
         "with its output in a file (*corral log*).",
     .options = kRunOptions,
     .operands = {Operands::kProgram, ValueType::kProgram,
                  "the program and its arguments, as in 'corral run -- make'"},
     .examples = kRunExamples,
     .exit_codes = kRunCodes,
     .json_keys = kRunKeys,
     .handler = run_program},
