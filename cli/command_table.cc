// SPDX-License-Identifier: Apache-2.0
#include "cli/command_table.h"

#include "cli/accounting_options.h"
#include "cli/command_options.h"
#include "cli/handlers.h"
#include "cli/instance_options.h"
#include "cli/limit_options.h"
#include "cli/session_options.h"

namespace cli {
namespace {

using namespace options;  // NOLINT(google-build-using-namespace): its own part

// NOLINTBEGIN(modernize-use-designated-initializers): tables
constexpr std::string_view kLimitWords[] = {"explain"};
constexpr std::string_view kSessionWords[] = {"close", "show"};
constexpr std::string_view kAccountingWords[] = {"on", "off"};

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
         "is contained and recorded all the same, unless *--system*, "
         "*--private* or *--parent* was given.\n\n"
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
                    "processes as a tree, and behind them the jobs that are "
                    "nested in it.",
     .options = kTreeOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kAny, ValueType::kJob, ""},
     .examples = kTreeExamples,
     .exit_codes = {},
     .json_keys = kTreeKeys,
     .handler = show_tree},
    {.name = "top",
     .summary = "Watch what jobs use",
     .description =
         "Shows the jobs that live and what each uses, largest first, and "
         "looks "
         "again every two seconds: processor time in percent of one processor "
         "since the last look (at first: since the job started), the same in "
         "all, memory, bytes of storage read and written in a second, "
         "processes, the limit that is used most as a bar. A dash stands for "
         "what nobody collects here; *~* before memory says that it was added "
         "up from the processes, which counts shared pages more than once.\n\n"
         "Keys: _c_ _m_ _i_ _p_ _t_ _a_ _n_ sort by processor, memory, "
         "storage, "
         "processes, processor time, age, name; _r_ reverses; arrows and page "
         "keys select a job, whose limits are shown below; _k_ asks, then ends "
         "the selected job as *corral kill* does; space looks at once; _q_ "
         "ends. "
         "Where standard input or output is no terminal, or with *--once*, "
         "*--times* or *--json*, tables are printed one below the other.",
     .options = kTopOptions,
     .pairs = kTopPairs,
     .operands = {},
     .examples = kTopExamples,
     .exit_codes = {},
     .json_keys = kTopKeys,
     .handler = show_top},
    {.name = "events",
     .summary = "Follow what happens to jobs",
     .description =
         "Prints a line for each event of the jobs that you may see, or of the "
         "named ones, as it happens: a job is made, changes its state, passes "
         "a "
         "limit, ends. Ends when it is interrupted, when nobody reads it any "
         "more, or when all named jobs have ended. A supervisor that restarts "
         "is waited for; a message then says that events may be missing.",
     .options = kEventsOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kAny, ValueType::kJob, ""},
     .examples = kEventsExamples,
     .exit_codes = kEventsCodes,
     .json_keys = kEventsKeys,
     .handler = follow_events},
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
    {.name = "limit",
     .summary = "Show or change the limits of a job, or explain the site's",
     .description =
         "Shows what bounds a job and what it used until now. With *--limit* "
         "it is bounded otherwise from then on; what is not named stays. A job "
         "that used more than its new limit has passed it and is ended. _WHEN "
         "OVER_ is what is done over the soft and the hard bound, where that "
         "is not the usual.\n\n"
         "*corral limit explain* USER [DOMAIN] shows which limits the site "
         "(*limits.toml*(5)) sets to a job of that user in that domain "
         "(_interactive_ if none is named), and the line that decides about "
         "each. A job named 'explain' is shown by its jid.",
     .options = kLimitOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kOneOrMore, ValueType::kJob,
                  "name it by its jid or its name, or say 'explain USER'",
                  "JOB | explain USER [DOMAIN]", kLimitWords, ValueType::kUser},
     .examples = kLimitExamples,
     .exit_codes = {},
     .json_keys = kLimitKeys,
     .handler = limit_job},
    {.name = "attach",
     .summary = "Make processes that exist already members of a job",
     .description =
         "Moves processes into a job: what they fork from then on is in it "
         "too, what they forked before is not. The processes and the job must "
         "be your own, the processes in no other job (or in one that you "
         "control, by the mode "
         "_transfer_: it leaves that). Where the kernel keeps "
         "it (Linux 6.15) the end of a new job's first process is its result. "
         "The job of a new job's processes ends when none of them lives. The "
         "engine _subreaper_ cannot move them. In the mode _logical_ a process "
         "stays where it is, in another manager's cgroup: it is listed, "
         "signalled, counted and ended with the job, with what descends from "
         "it, and the job lives until it ends. Nothing holds it: where eBPF "
         "does "
         "not count, a child whose parent ends is lost; a freeze is refused, "
         "and so is a limit that the job's container holds, but for a job that "
         "accepts less.",
     .options = kAttachOptions,
     .pairs = kAttachPairs,
     .operands = {.count = Operands::kOneOrMore,
                  .type = ValueType::kProcess,
                  .help = "a job, by its jid or its name, and process ids; "
                          "with --new process ids alone",
                  .usage = "JOB PROCESS... | --new PROCESS..."},
     .examples = kAttachExamples,
     .exit_codes = {},
     .json_keys = kAttachKeys,
     .handler = attach_processes},
    {.name = "detach",
     .summary = "Take processes out of their jobs",
     .description =
         "The processes live on, in the job that theirs is nested in, or "
         "outside: where the job's first process was attached from, else "
         "beside the instance. Where the site sets limits, and out of "
         "sessions, only root and operators take processes.",
     .options = kDetachOptions,
     .pairs = kInstancePairs,
     .operands = {.count = Operands::kOneOrMore,
                  .type = ValueType::kProcess,
                  .help = "process ids",
                  .usage = "PROCESS..."},
     .examples = kDetachExamples,
     .exit_codes = {},
     .json_keys = kDetachKeys,
     .handler = detach_processes},
    {.name = "session",
     .summary = "Open, close or show login sessions",
     .description =
         "*open* makes a job of a login session: its leader, a process of the "
         "service, and what that forks from then on. *close* takes the leader "
         "out again and closes it: who is left stays or is ended, and it ends "
         "when it is empty. A session also ends with its leader. Both may be "
         "repeated. They are for root, the instance's own user and the site's "
         "schedulers; *pam_corral*(8) calls them. *show* lists the sessions "
         "that there are, or those that are named.",
     .options = kSessionOptions,
     .pairs = kInstancePairs,
     .operands = {.count = Operands::kOneOrMore,
                  .type = ValueType::kSessionWord,
                  .help = "'open', 'close JOB', or 'show'",
                  .usage = "open | close JOB... | show [JOB...]",
                  .words = kSessionWords,
                  .behind = ValueType::kJob},
     .examples = kSessionExamples,
     .exit_codes = {},
     .json_keys = kSessionKeys,
     .handler = handle_session},
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
     .json_keys = kFreezeKeys,
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
     .json_keys = kFreezeKeys,
     .handler = thaw_jobs},
    {.name = "kill",
     .summary = "End jobs, or signal them",
     .description =
         "Ends jobs: every process of the job is sent the job's signal, and "
         "SIGKILL when its grace is over. Returns when nothing of them lives. "
         "With *--signal* only that signal is sent, and nothing else happens.",
     .options = kKillOptions,
     .pairs = kKillPairs,
     .operands = {Operands::kAny, ValueType::kJob,
                  "name it by its jid or its name"},
     .examples = kKillExamples,
     .exit_codes = kKillCodes,
     .json_keys = kKillKeys,
     .handler = kill_jobs},
    {.name = "records",
     .summary = "Print an accounting file",
     .description = "Prints the records of an accounting file, oldest first; "
                    "without one, of that which the instance writes, as "
                    "*corral accounting* names it. Damaged parts are skipped "
                    "and reported.",
     .options = kRecordsOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kAny, ValueType::kFile,
                  "the file; the one in use without it", "[FILE]"},
     .examples = kRecordsExamples,
     .exit_codes = kRecordsCodes,
     .json_keys = kRecordsKeys,
     .handler = show_records},
    {.name = "report",
     .summary = "Sum up what jobs used, or tell all of one",
     .description =
         "Reads accounting files, in which Corral or the CSA daemon wrote, and "
         "sums up by job, user, group, project, account, command, node, day "
         "or hour what jobs used. "
         "Without a file these are the one that the instance writes, as "
         "*corral accounting* names it, and those that were switched from it. "
         "A job's use is that of its end record, "
         "else the sum of its processes, which is no more than a lower bound "
         "where those are counted with their children. What was not collected "
         "is a dash; a sum of which a part is "
         "not known has a '+'. Commands are summed up over processes, with the "
         "children that those waited for. A job's node is the one that the "
         "file "
         "names before it; project and account are those of its start, else "
         "the project is the number in its processes' records, as the CSA "
         "daemon writes it. "
         "With a _JOB_, a jid or a name, it says all that the files have of "
         "that one job: start, end and why, what it asked for against what it "
         "used, with hints, the sums of all counters of its processes, and "
         "these as a tree with their times (*--json*: with their counters). A "
         "first word that is no jid and names a file is that file. With "
         "*--html* "
         "one page is written: use over time, users, what jobs asked for "
         "and used, commands, and the processes of the job that used most, or "
         "of the _JOB_, along a line of time. A process "
         "stands below its parent if that lived when it ended.",
     .options = kUseOptions,
     .pairs = kUsePairs,
     .operands = {Operands::kAny, ValueType::kFile,
                  "a job, and accounting files", "[JOB] [FILE...]"},
     .examples = kUseExamples,
     .exit_codes = kUseCodes,
     .json_keys = kUseKeys,
     .handler = report_use},
    {.name = "index",
     .summary = "Make reports of many accounting files fast",
     .description =
         "Sums up accounting files job by job in a database of SQLite beside "
         "them, *.corral-index*, or adds what they have got since the last "
         "time. *corral report* then reads that in place of the files, as far "
         "as it fits to them as they are now, and the rest from the files; it "
         "says the same. The files alone are the truth: the index may be "
         "removed at any time, one that is missing, old, damaged or of "
         "another version is not used, and whatever kills this command, what "
         "is left is right or not used. Only who may read all of the files "
         "may read it.",
     .options = kIndexOptions,
     .pairs = kInstancePairs,
     .operands = {Operands::kAny, ValueType::kFile,
                  "accounting files; those that *corral report* reads without "
                  "it",
                  "[FILE...]"},
     .examples = kIndexExamples,
     .exit_codes = kIndexCodes,
     .json_keys = kIndexKeys,
     .handler = index_files},
    {.name = "accounting",
     .summary = "Show and change what is recorded",
     .description =
         "Without a word, or with *status*, says where the instance writes "
         "accounting records, and which kinds of them are on. *on* and *off* "
         "turn the named kinds on and off, without one all of them (*on*: what "
         "was on before); that holds until it is changed, also after a start "
         "of the machine, and a record of the configuration tells of it.\n\n"
         "_csa_ are processes, _mem_, _io_ and _delay_ parts of their records; "
         "_memt_ and _time_ thresholds below which a process has none; _job_ "
         "starts and ends of jobs; _wkmg_, _tape_, _site1_ and _site2_ what "
         "daemons write. What is part of a process's record, or a threshold, "
         "is on with _csa_ only. *switch* gives the accounting file the next "
         "free number and begins a new one. *record* writes what a daemon "
         "tells: "
         "of a workload manager _KEY=VALUE_ with the keys provider, type, "
         "subtype, machine, request, queue, reqid, array, qtype, user, "
         "project, jid, time, entered, code, utime, stime, ctime, waited, "
         "memory and ncpus; of the others the bytes of a file. Changes are for "
         "root and the instance's own user, *record* for the site's schedulers "
         "too (*corral.toml*(5)).",
     .options = kAccountingOptions,
     .pairs = kInstancePairs,
     .operands = {.count = Operands::kAny,
                  .type = ValueType::kAccountingWord,
                  .help = "'status', 'on', 'off', 'switch' or 'record'",
                  .usage = "[DEED [KIND...]]",
                  .words = kAccountingWords,
                  .behind = ValueType::kRecordKind},
     .examples = kAccountingExamples,
     .exit_codes = {},
     .json_keys = kAccountingKeys,
     .handler = control_accounting},
    {.name = "archive",
     .summary = "Pack closed accounting files, and remove old ones",
     .description =
         "Packs the files that were switched from an accounting file, "
         "*pacct1*, "
         "*pacct2* and so on, with zstd: *pacct1* becomes *pacct1.zst*, which "
         "Corral's commands read as they read *pacct1*. Left as they are: the "
         "file in use, the youngest that was switched, and what somebody may "
         "still write. A file goes when its packed copy is on the disk and was "
         "compared with it; whatever kills this command, nothing is lost or "
         "counted twice. What is to be removed is said by *--keep-for* and "
         "*--keep-size*, or by corral.toml (*corral.toml*(5)); without them "
         "nothing is.",
     .options = kArchiveOptions,
     .pairs = {},
     .operands = {Operands::kAny, ValueType::kFile,
                  "the accounting file; the one in use without it", "[FILE]"},
     .examples = kArchiveExamples,
     .exit_codes = kArchiveCodes,
     .json_keys = kArchiveKeys,
     .handler = archive_files},
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
    {"66", "There is no such job or process"},
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
