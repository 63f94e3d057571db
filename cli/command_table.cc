// SPDX-License-Identifier: Apache-2.0
#include "cli/command_table.h"

#include "cli/handlers.h"

namespace cli {
namespace {

// NOLINTBEGIN(modernize-use-designated-initializers): tables

constexpr OptionRow kHelp = {"help", 'h', ValueType::kFlag, "",
                             "Show this help and exit"};
constexpr OptionRow kJson = {"json", 'j', ValueType::kFlag, "",
                             "Print facts as JSON"};
constexpr OptionRow kSystem = {"system", '\0', ValueType::kFlag, "",
                               "Ask the system instance only"};
constexpr OptionRow kPrivate = {"private", '\0', ValueType::kFlag, "",
                                "Ask your private instance only"};

constexpr OptionPair kInstancePairs[] = {{"system", "private"}};

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
constexpr OptionPair kRunPairs[] = {
    {"linger", "kill-stragglers"},
    {"system", "private"},
    {"detach", "report"},
    {"json", "detach", true},
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
    {"instance", "_system_ or _private_"},
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

constexpr OptionRow kShowOptions[] = {
    {"pid", 'p', ValueType::kFlag, "",
     "The words are process ids: show the jobs that these processes are in"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
constexpr Example kShowExamples[] = {
    {"corral show web", "all that is known of the job 'web'"},
    {"corral show self", "the job that this process is in"},
    {"corral show --pid 4711", "the job that process 4711 is in"},
};
constexpr JsonKey kShowKeys[] = {
    {"jid, name, owner, user",
     "the job's id, its name (null: none), the "
     "owner's number and name (null: unknown)"},
    {"kind, engine, state, freezer_state",
     "words: _foreground_ or _detached_; _cgroup2_ or _subreaper_; the state; "
     "_running_, _freezing_ or _frozen_"},
    {"argv, main_pid",
     "the command (null when you may not see it), the main "
     "process (null: none lives)"},
    {"created_us, started_us, ended_us",
     "microseconds since 1970; null: not yet"},
    {"age_us", "time since its start, or the time that it ran"},
    {"result, sentence, exit_code, signal, shell_code",
     "why it ended: a word, a sentence, the main process's code or signal "
     "(null: none), what a shell shows; all null while it lives"},
    {"user_us, system_us, memory_peak_bytes, storage_read_bytes, "
     "storage_written_bytes, oom_kills, processes_not_seen",
     "totals of the whole job; null: not collected"},
    {"processes_seen, stragglers, straggler_names",
     "processes that were seen to end, and those ended at the job's end (names "
     "null: none)"},
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
constexpr OptionPair kKillPairs[] = {
    {"system", "private"}, {"signal", "grace"},      {"signal", "wait"},
    {"wait", "no-wait"},   {"main", "signal", true},
};
constexpr ExitCode kKillCodes[] = {
    {"0", "Every job was ended, or was sent the signal"},
};

constexpr OptionRow kFreezeOptions[] = {kSystem, kPrivate, kHelp};
constexpr Example kFreezeExamples[] = {
    {"corral freeze batch1 batch2", "give their processors to others"},
};
constexpr Example kThawExamples[] = {
    {"corral thaw batch1", "it goes on where it stood"},
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
    {"programs",
     "the paths of _corral-init_, _corral-reaper_ and _corrald_; null: not "
     "found"},
    {"instances",
     "those that could be there: _kind_, _socket_, _is_running_ and, when it "
     "answers, _version_, _jobs_live_, _pacct_, _records_written_, "
     "_records_waiting_, _records_lost_, _supervisor_starts_"},
    {"pacct, pacct_problem",
     "the accounting file of jobs without a running "
     "instance, and why it cannot be written (null: "
     "it can)"},
    {"checks",
     "each check: _name_, _status_ (_ok_, _note_ or "
     "_problem_), _finding_, _fix_"},
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
     "one record a line, in the order of the file, with the keys of *corral "
     "show* for the same facts; a counter that was not collected is absent, "
     "never 0"},
};

/// In the order of a job's life; then what is the instance's.
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
         "none is, or none answers in time (*CORRAL_TIMEOUT*), the job "
         "is contained and recorded all the same.\n\n"
         "With *--detach* the job belongs to the system instance if one is "
         "running, else to your private instance, which is started and ends "
         "when it has no job. The program then runs in a session of its own "
         "with its output in a file (*corral log*).",
     .options = kRunOptions,
     .pairs = kRunPairs,
     .operands = {Operands::kProgram, ValueType::kProgram,
                  "the program and its arguments, as in 'corral run -- make'"},
     .examples = kRunExamples,
     .exit_codes = kRunCodes,
     .json_keys = kRunKeys,
     .handler = run_program},
    {.name = "ps",
     .summary = "List jobs",
     .description =
         "Lists the jobs that live, one a line: jid, name, owner, state, time "
         "since the start, CPU time and peak memory of the whole job, "
         "processes, command. A dash stands for what was not collected.",
     .options = kPsOptions,
     .pairs = kInstancePairs,
     .operands = {},
     .examples = kPsExamples,
     .exit_codes = {},
     .json_keys = kPsKeys,
     .handler = list_jobs},
    {.name = "tree",
     .summary = "Show jobs with their processes",
     .description = "Shows the named jobs, or all that live, each with its "
                    "processes as a tree.",
     .options = kTreeOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kAny, ValueType::kJob, ""},
     .examples = kTreeExamples,
     .exit_codes = {},
     .json_keys = kTreeKeys,
     .handler = show_tree},
    {.name = "show",
     .summary = "Show all facts of a job",
     .description =
         "Shows what is known of jobs. Ended jobs are remembered for a while.",
     .options = kShowOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kOneOrMore, ValueType::kJob,
                  "name it by its jid or its name"},
     .examples = kShowExamples,
     .exit_codes = {},
     .json_keys = kShowKeys,
     .handler = show_job},
    {.name = "log",
     .summary = "Show the output of a detached job",
     .description = "Prints what the job has written to its standard output "
                    "and standard error, unless it was given others.",
     .options = kLogOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kOne, ValueType::kJob,
                  "name it by its jid or its name"},
     .examples = kLogExamples,
     .exit_codes = {},
     .json_keys = {},
     .handler = show_log},
    {.name = "wait",
     .summary = "Wait for jobs to end",
     .description =
         "Waits until jobs have ended and exits as they did. On a terminal a "
         "status line shows the time, the CPU time and the processes while it "
         "waits. A supervisor that restarts meanwhile is waited for.",
     .options = kWaitOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kOneOrMore, ValueType::kJob,
                  "name it by its jid or its name"},
     .examples = kWaitExamples,
     .exit_codes = kWaitCodes,
     .json_keys = kWaitKeys,
     .handler = wait_for_jobs},
    {.name = "freeze",
     .summary = "Let no process of a job run",
     .description =
         "Every process of the job stands still where it is, and keeps its "
         "memory and its descriptors, until *corral thaw*. No process of the "
         "job notices, and none can prevent it. A frozen job that is told to "
         "end is thawed first; its limit of wall time runs on. Returns when "
         "nothing of the job runs. The engine _subreaper_ cannot freeze.",
     .options = kFreezeOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kOneOrMore, ValueType::kJob,
                  "name it by its jid or its name"},
     .examples = kFreezeExamples,
     .exit_codes = {},
     .json_keys = {},
     .handler = freeze_jobs},
    {.name = "thaw",
     .summary = "Let frozen jobs run again",
     .description = "Lets every process of the job run again. A job that does "
                    "not stand still is left alone.",
     .options = kFreezeOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kOneOrMore, ValueType::kJob,
                  "name it by its jid or its name"},
     .examples = kThawExamples,
     .exit_codes = {},
     .json_keys = {},
     .handler = thaw_jobs},
    {.name = "kill",
     .summary = "End jobs, or signal them",
     .description =
         "Ends jobs: every process of the job is sent the job's signal, and "
         "SIGKILL when its grace is over. Returns when nothing of them lives. "
         "With *--signal* only that signal is sent, and nothing else happens.",
     .options = kKillOptions,
     .pairs = kKillPairs,
     .operands = {Operands::kOneOrMore, ValueType::kJob,
                  "name it by its jid or its name"},
     .examples = kKillExamples,
     .exit_codes = kKillCodes,
     .json_keys = {},
     .handler = kill_jobs},
    {.name = "records",
     .summary = "Print an accounting file",
     .description = "Prints the records of an accounting file, oldest first. "
                    "Damaged parts are skipped and reported.",
     .options = kRecordsOptions,
     .pairs = {},
     .operands = {Operands::kOne, ValueType::kFile,
                  "'corral doctor' names the one in use"},
     .examples = kRecordsExamples,
     .exit_codes = kRecordsCodes,
     .json_keys = kRecordsKeys,
     .handler = show_records},
    {.name = "doctor",
     .summary = "Tell what works here and what does not",
     .description =
         "Looks at this host as Corral does and says which engine contains "
         "jobs and why, which instances run, whether records can be written, "
         "and for each problem the fix. Needs no running instance, and makes "
         "nothing but Corral's own empty cgroup directory.",
     .options = kDoctorOptions,
     .pairs = {},
     .operands = {},
     .examples = kDoctorExamples,
     .exit_codes = kDoctorCodes,
     .json_keys = kDoctorKeys,
     .handler = diagnose},
    {.name = "daemon-reexec",
     .summary = "Restart an instance in place",
     .description = "Replaces the programs of the running instance by those "
                    "that are installed now. Jobs run on and nothing is lost.",
     .options = kReexecOptions,
     .pairs = kInstancePairs,
     .operands = {},
     .examples = kReexecExamples,
     .exit_codes = {},
     .json_keys = {},
     .handler = reexec_daemon},
};

constexpr ExitCode kCommonCodes[] = {
    {"0", "It was done"},
    {"1", "It failed; the message says why"},
    {"2", "The command line was wrong"},
    {"64", "The request contradicts itself"},
    {"65", "The job has ended"},
    {"66", "There is no such job"},
    {"67", "There is no such user"},
    {"69", "No instance is running, or it does not answer in time"},
    {"72", "The engine or the host cannot do it"},
    {"73", "A live job of yours has the name"},
    {"75", "A bound of the instance was reached"},
    {"77", "It is not allowed"},
};

// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands)
    if (command.name == name) return &command;
  return nullptr;
}

std::span<const ExitCode> common_exit_codes() {
  return kCommonCodes;
}

}  // namespace cli
