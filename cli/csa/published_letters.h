// SPDX-License-Identifier: Apache-2.0
// The rows of the published commands. What each does is in
// accounting/reports/.
#pragma once

#include "accounting/build/csabuild.h"
#include "accounting/build/csarecy.h"
#include "accounting/cycle/csaperiod.h"
#include "accounting/cycle/disk_use.h"
#include "accounting/cycle/login_log.h"
#include "accounting/cycle/small_commands.h"
#include "accounting/reports/csaaddc.h"
#include "accounting/reports/csacms.h"
#include "accounting/reports/csacom.h"
#include "accounting/reports/csacon.h"
#include "accounting/reports/csacrep.h"
#include "accounting/reports/csadrep.h"
#include "accounting/reports/csaedit.h"
#include "accounting/reports/csajrep.h"
#include "accounting/reports/csaverify.h"
#include "cli/csa/csaswitch.h"
#include "cli/csa/published_command.h"

namespace cli::published {

// NOLINTBEGIN(modernize-use-designated-initializers): tables
inline constexpr LetterRow kCsacomLetters[] = {
    {'A', "", "Show array session handles"},
    {'C', "SECONDS", "Only processes with more CPU time"},
    {'E', "TIME", "Only what ended at or before [Ddd:]hh[:mm[:ss]]"},
    {'G', "", "Show group ids"},
    {'H', "FACTOR", "Only processes with a larger hog factor"},
    {'I', "CHARS", "Only processes that transferred at least so many bytes"},
    {'J', "", "Show job ids"},
    {'L', "", "Show configuration changes too"},
    {'M', "", "Show high-water marks and page faults"},
    {'N', "", "Show nice values and scheduling disciplines"},
    {'O', "SECONDS", "Only processes with more system CPU time"},
    {'P', "", "Show project ids"},
    {'S', "TIME", "Only what started at or after"},
    {'T', "", "Show starts and ends of jobs instead of processes"},
    {'U', "", "Show user ids as numbers"},
    {'V', "", "Show one sum where -c, -i or -w show several columns"},
    {'W', "", "Show only on which days the records are"},
    {'X', "", "Show the day of each start"},
    {'Y', "", "Show the day of each end"},
    {'Z', "", "Leave out the first columns"},
    {'b', "", "Read from the end of the file to its begin"},
    {'c', "", "Show logical reads and writes"},
    {'e', "TIME", "Only what existed at or before"},
    {'f', "", "Show the flags, in hexadecimal, and the exit status"},
    {'g', "GROUP", "Only processes of this group, by name or number"},
    {'h', "", "Show the hog factor: CPU time by elapsed time"},
    {'i', "", "Show characters read and written"},
    {'j', "JID", "Only this job, in hexadecimal"},
    {'k', "", "Show memory as kcore minutes"},
    {'m', "", "Show mean memory sizes; without other columns this holds"},
    {'n', "PATTERN", "Only commands with this text in their names"},
    {'o', "FILE", "Write the records selected to a file instead"},
    {'p', "", "Show process ids"},
    {'r', "", "Show the CPU factor: user by all CPU time"},
    {'s', "TIME", "Only what existed at or after"},
    {'t', "", "Show system and user time apart, and run times"},
    {'u', "USER", "Only this user: name, number, # (privileged), ? (unknown)"},
    {'v', "", "Leave out the headings"},
    {'w', "", "Show delays; twice: with their counts"},
};

inline constexpr LetterRow kCsaverifyLetters[] = {
    {'P', "FILE", "The file (default: /var/csa/work/Wpacct)"},
    {'o', "FILE", "Write the byte ranges of damage for csaedit -b"},
    {'m', "COUNT", "Stop at so many damages, with exit code 2"},
    {'v', "", "Say how many records are good"},
    {'D', "", "Means nothing: no more is told"},
};

inline constexpr LetterRow kCsaeditLetters[] = {
    {'A', "", "Print the records as text"},
    {'b', "FILE", "Cut out the byte ranges that csaverify -o wrote"},
    {'m', "", "Print high-water marks too"},
    {'o', "FILE", "Write to this file"},
    {'P', "FILE", "The file (default: /var/csa/work/Wpacct)"},
    {'r', "LIST", "Cut out records by their numbers, with commas between"},
    {'t', "", "Print times too"},
    {'v', "", "Say what was found"},
    {'x', "", "Print what -r would cut out, and change nothing"},
};

inline constexpr LetterRow kJaLetters[] = {
    {'a', "SESSION", "Only this array session, in hexadecimal"},
    {'c', "", "Report each command"},
    {'D', "LEVEL", "A level, 1 to 4: no more is told"},
    {'d', "", "Report daemons"},
    {'e', "", "Extend the summary; with -s"},
    {'f', "", "Report which command started which"},
    {'g', "GROUP", "Only this group, by name or number"},
    {'h', "", "Show high-water marks; with -c and -l"},
    {'J', "", "Show jobs, and how many records of each kind there are"},
    {'j', "JID", "Only this job, in hexadecimal"},
    {'l', "", "Show more columns; with -c or -f"},
    {'M', "MARKS", "Only between marks: m1, m1:, m1:m2, :m2, '.' the last"},
    {'m', "", "Print the mark at the end of the file, and start"},
    {'n', "NAMES", "Only commands that match one of these expressions"},
    {'o', "", "Report each command, with other columns"},
    {'p', "PROJECT", "Only this project, by number"},
    {'r', "", "Leave out the headings"},
    {'s', "", "Report the sum of all commands"},
    {'t', "", "Stop"},
    {'u', "USER", "Only this user, by name or number"},
};

inline constexpr LetterRow kCsabuildLetters[] = {
    {'a', "", "Jobs of an earlier boot without an end go on"},
    {'A', "", "Stop at the first error"},
    {'D', "LEVEL", "A level, 1 to 9: no more is told"},
    {'i', "", "Pass over records that are wrong"},
    {'n', "", "Leave the jobs of one batch request apart"},
    {'o', "DAYS", "Jobs that are older have ended"},
    {'P', "PREFIX", "The files PREFIX0, PREFIX1, ... (/var/csa/work/Wpacct)"},
    {'s', "FILE", "The sorted file to write (default: /var/csa/work/spacct)"},
    {'t', "", "Say what processor time it took"},
};

inline constexpr LetterRow kCsarecyLetters[] = {
    {'A', "", "Ask for each job whether to keep it"},
    {'D', "LEVEL", "A level, 1 or 2: no more is told"},
    {'P', "PREFIX", "Write to PREFIX0 (default: /var/csa/work/Wpacct)"},
    {'R', "", "Only report which jobs go on"},
    {'r', "", "Report which jobs go on"},
    {'s', "FILE", "The sorted file (default: /var/csa/work/spacct)"},
};

inline constexpr LetterRow kCsaconLetters[] = {
    {'A', "", "All jobs, also those that go on"},
    {'D', "LEVEL", "A level, 0 to 6: no more is told"},
    {'g', "", "A record for each group; with another key"},
    {'j', "", "A record for each job"},
    {'p', "", "A record for each project; -p and -u without other keys"},
    {'s', "FILE", "The sorted file (default: /var/csa/work/spacct)"},
    {'u', "", "A record for each user"},
};

inline constexpr LetterRow kCsaaddcLetters[] = {
    {'A', "", "Write text"},
    {'D', "LEVEL", "A level, 0 to 2: no more is told"},
    {'g', "", "A record for each group; with another key"},
    {'j', "", "Keep each record"},
    {'o', "FILE", "Write to this file"},
    {'p', "", "A record for each project; -p and -u without other keys"},
    {'t', "", "One record for all"},
    {'u', "", "A record for each user"},
    {'v', "", "Write text with more digits; with -A"},
};

inline constexpr LetterRow kCsacmsLetters[] = {
    {'A', "", "All jobs, also those that go on; with -S"},
    {'a', "", "Print a table instead of writing summaries"},
    {'c', "", "Sort by CPU time instead of kcore minutes"},
    {'e', "", "Show more columns; with -a"},
    {'j', "", "Put commands that ran once together as ***other"},
    {'n', "", "Sort by the number of processes"},
    {'o', "", "Show non-prime time only; with -a"},
    {'p', "", "Show prime time only; with -a"},
    {'S', "", "The files are sorted files"},
    {'s', "", "The files are summaries that this command wrote"},
};

/// In the published order: getopt lists what an abbreviation may mean.
inline constexpr accounting::LongName kCsacmsLongNames[] = {
    {"ascii", 'a'},
    {"prime", 'p'},
    {"non-prime", 'o'},
    {"extended-report", 'e'},
    {"sort-by-cpu", 'c'},
    {"sort-by-number", 'n'},
    {"combine-commands", 'j'},
    {"all-jobs", 'A'}};

inline constexpr LetterRow kCsacrepLetters[] = {
    {'b', "", "Show fees and system billing units"},
    {'c', "", "Show CPU time and memory"},
    {'d', "", "Show disk usage"},
    {'f', "", "Show everything, not in columns"},
    {'g', "", "Show groups"},
    {'h', "", "Show headings"},
    {'J', "", "Show job ids"},
    {'j', "", "Show numbers of processes and jobs"},
    {'n', "", "Show prime and non-prime time apart"},
    {'P', "", "Show project ids instead of names"},
    {'p', "", "Sort by project"},
    {'u', "", "Sort by user"},
    {'V', "", "Show page faults"},
    {'w', "", "Show delays"},
    {'x', "", "Show characters and logical requests"},
};

inline constexpr LetterRow kCsajrepLetters[] = {
    {'A', "", "All jobs, also those that go on"},
    {'B', "", "Show when each process began"},
    {'b', "", "Show system billing units"},
    {'c', "", "Show CPU and run times"},
    {'e', "", "Only the records selected, not the whole job"},
    {'F', "", "Every record"},
    {'h', "", "Leave out the headings"},
    {'J', "", "Show job ids"},
    {'j', "JID", "Only this job, in hexadecimal"},
    {'L', "", "A form feed behind each job"},
    {'N', "", "Report what each run of a batch request used; with -A, -s only"},
    {'p', "PROJECT", "Only jobs with this project"},
    {'q', "", "Show queue waits and types"},
    {'r', "REQUEST", "Only jobs of this batch request"},
    {'S', "", "Show array session handles"},
    {'s', "FILE", "The sorted file (default: /var/csa/work/spacct)"},
    {'T', "", "Show only the sums of each job"},
    {'t', "", "Show the sums of each job too"},
    {'u', "USER", "Only jobs of this user, by name or number"},
    {'V', "", "Show page swaps and faults"},
    {'w', "", "Show delays and high-water marks"},
    {'x', "", "Show characters and logical requests"},
    {'Z', "", "Leave out job 0"},
};

inline constexpr LetterRow kCsadrepLetters[] = {
    {'A', "", "All jobs, also those that go on"},
    {'a', "", "All reports"},
    {'D', "LEVEL", "A level, 0 to 2: no more is told"},
    {'j', "", "Report interactive and batch jobs; without -n this holds"},
    {'N', "", "Write no text; with -o"},
    {'n', "", "Report batch queues"},
    {'o', "FILE", "Write what was summed up to a file"},
    {'s', "FILE", "The sorted file (default: /var/csa/work/spacct)"},
    {'t', "", "Refused, as published"},
    {'V', "LEVEL", "How much to say about queues, 0 to 4"},
};

inline constexpr LetterRow kCsarunLetters[] = {
    {'A', "", "Report jobs that go on too, and put none back"},
    {'V', "LEVEL", "0: cut damage out, 1: stop at damage, 2: do not verify"},
};

inline constexpr LetterRow kCsaperiodLetters[] = {
    {'e', "MMDDHHMM", "Only what csarun made then or before"},
    {'r', "", "Remove the daily files when all is done"},
    {'s', "MMDDHHMM", "Only what csarun made then or later"},
};

inline constexpr LetterRow kLastloginLetters[] = {
    {'c', "FILE", "Who has a record in this consolidated file was there today"},
    {'w', "FILE", "Take logins from this file, as /var/log/wtmp"},
};

inline constexpr LetterRow kCsaswitchLetters[] = {
    {'c', "COMMAND", "check, halt, off, on, status or switch"},
    {'D', "LEVEL", "A level, 0 to 3: no more is told"},
    {'m', "KB", "With memt: processes of less address space have no record"},
    {'n', "NAMES",
     "csa,wkmg,io,mem,delay,memt,time,job,tape,site1,site2: some of them"},
    {'P', "FILE", "The accounting file, for on"},
    {'t', "SECONDS", "With time: processes of less CPU time have no record"},
};

inline constexpr LetterRow kDodiskLetters[] = {
    {'q', "", "Ask the file systems' quotas instead (--quota)"},
};
inline constexpr accounting::LongName kDodiskLongNames[] = {{"quota", 'q'}};

inline constexpr LetterRow kAcctdusgLetters[] = {
    {'p', "FILE", "Users are those of this file, in the form of passwd(5)"},
    {'u', "FILE", "Write here what was charged to nobody"},
};

using Form = PublishedCommand::Form;
inline constexpr std::span<const LetterRow> kNoLetters;
inline constexpr PublishedCommand kCommands[] = {
    {"ja", "1", "Account for the commands of your job, and report on them",
     "Without a report and *-t*: from now on the records of the job that it "
     "runs in go into _FILE_ too, of every kind and above no threshold, until "
     "*-t* or the job's end; *-m* prints where in the file that is. _FILE_ is "
     "opened by ja itself and handed over. Its usual name is .jacct and the "
     "jid in *ACCT_TMPDIR*, else *TMPDIR*, else /tmp; that file is removed by "
     "*-t*. With *-c*, *-f*, *-o* or *-s* it reports what each command in "
     "_FILE_ used, and all together; what has ended is there. Where who reaps "
     "counts a job's processes (*corral doctor*), as with the engine "
     "subreaper, one that its own parent waits for has no record of its own; "
     "ja says so when it begins.",
     kJaLetters, "[FILE]",
     "Command % Usage:\n"
     "%\t-c [[-f] [-s] [-t]] [[-a ash] [-g gid] [-j jid]\n"
     "\t[-M marks] [-n names] [-p prid] [-u uid]]\n"
     "\t[[-l [-h]] [-d] [-e] [-J] [-r]] [-D lvl]\n"
     "\t[file] (command report)\n"
     "%\t-f [[-c] [-s] [-t]] [[-a ash] [-g gid] [-j jid]\n"
     "\t[-M marks] [-n names] [-p prid] [-u uid]]\n"
     "\t[[-l [-h]] [-d] [-e] [-J] [-r]] [-D lvl]\n"
     "\t[file] (command flow report)\n"
     "%\t-o [-s] [-t] [[-a ash] [-g gid] [-j jid]\n"
     "\t[-M marks] [-n names] [-p prid] [-u uid]]\n"
     "\t[[-d] [-e] [-r]] [-D lvl]\n"
     "\t[file] (command other report)\n"
     "%\t-s [[-c] [-f] [-t]] [[-a ash] [-g gid] [-j jid]\n"
     "\t[-M marks] [-n names] [-p prid] [-u uid]]\n"
     "\t[[-l [-h]] [-d] [-e] [-r]] [-D lvl]\n"
     "\t[file] (summary report)\n"
     "%\t-m [-D lvl] [file] (mark position request)",
     ja_command},
    {"csacom", "1", "Show the processes in accounting files",
     "Prints a line for each process of the named accounting files, or of "
     "standard input, or, where that is a terminal, of the file in use. "
     "Damaged parts are passed over and reported; the exit code is then 1. "
     "(The "
     "published usage text names an option *-l*; no program has it.)",
     kCsacomLetters, "[FILE...]",
     "Command Usage:\n"
     "%\t[-b] [-c] [-f] [-h] [-i] [-k] [-m] [-p] [-r] [-t] [-v]\n"
     "\t[-A] [-G] [-J] [-L] [-M] [-N] [-P] [-T] [-U] [-V] [-W] [-X]\n"
     "\t[-Y] [-Z] [-C sec] [-e time] [-E time] [-g group] [-H factor]\n"
     "\t[-I chars] [-j jid] [-l line] [-n pattern] [-o ofile] [-O sec]\n"
     "\t[-s time] [-S time] [-u user] [files]",
     accounting::csacom_command, Form::kLongNames},
    {"csabuild", "8", "Sort accounting files by boot and job",
     "Reads the files PREFIX0 (of *csarecy*), PREFIX1 and so on and writes one "
     "file in which the records of each job lie together, with its system "
     "billing units; beside it, in FILE.units, these with their fractions.",
     kCsabuildLetters, "",
     "Command Usage:\n%\t[-a] [-A] [-D debug] [-i] [-n]\n"
     "\t\t[-o time] [-P pacct] [-s spacct] [-t]",
     accounting::csabuild_command},
    {"csarecy", "8", "Put jobs that go on back for the next run",
     "Writes the records of jobs that have not ended from a sorted file into "
     "PREFIX0, which the next *csabuild* reads first.",
     kCsarecyLetters, "",
     "Command Usage:\n%\t[-r] [-s spacct] [-A] [-D debug] [-P pacct] [-R]",
     accounting::csarecy_command, Form::kNamesUnknown},
    {"csacon", "8", "Consolidate a sorted file by user and project",
     "Writes one record for each user and project, or for other keys, of the "
     "jobs that have ended in a sorted file, to standard output. Units keep "
     "their fractions: those that *csabuild* put beside the file, in "
     "FILE.units.",
     kCsaconLetters, "",
     "Command Usage:\n%\t[-A] [-jpu [-g]] [-D level] [-s spacct]",
     accounting::csacon_command, Form::kNamesUnknown},
    {"csaaddc", "8", "Add consolidated files",
     "Adds the records of consolidated files that have the same user and "
     "project, or other keys.",
     kCsaaddcLetters, "FILE...",
     "Command Usage:\n%\t[-A] [-D debug] [-jpu [-g]] [-o ofile] [-t] [-v] "
     "ifile(s)",
     accounting::csaaddc_command},
    {"csacms", "8", "Summarise accounting files by command",
     "Sums up what the processes of each command name used. Long: *--ascii* "
     "(-a), *--prime* (-p), *--non-prime* (-o), *--extended-report* (-e), "
     "*--sort-by-cpu* (-c), *--sort-by-number* (-n), *--combine-commands* "
     "(-j), "
     "*--all-jobs* (-A).",
     kCsacmsLetters, "FILE...",
     "Command Usage:\n%\t[-a [-po [-e]]] [-cjns] [-S [-A]] files",
     accounting::csacms_command, Form::kLongNames, kCsacmsLongNames},
    {"csacrep", "8", "Print consolidated records",
     "Prints the consolidated records of standard input, a line each.",
     kCsacrepLetters, "<FILE", "Command Usage:\n%\t[-p | -u] [-bcdfghJjnPVwx]",
     accounting::csacrep_command},
    {"csachargefee", "8", "Charge a fee to a user",
     "Appends a record with the fee to /var/csa/day/fee.", kNoLetters,
     "USER FEE", "Command Usage:\n%\tlogin-name fee",
     accounting::csachargefee_command, Form::kNone},
    {"csagetconfig", "8", "Print a value of csa.conf",
     "Prints the value of a label of the file that *CSACONFIG* names, or of "
     "/etc/csa.conf, or of /etc/csa.toml where that is not there.",
     kNoLetters, "LABEL", "Command Usage:\n%\tlabel_name",
     accounting::csagetconfig_command, Form::kNone},
    {"csajrep", "8", "Report the jobs of a sorted file",
     "Prints each job with its batch requests, processes, start and end.",
     kCsajrepLetters, "",
     "Command Usage:\n%\t[-ABbcFhJLqS] [-s spacct] [-TtVwxZ]\n"
     "%\t[-ABbcehJ] [-j jid] [-L] [-r reqid] [-p project] [-qS]\n"
     "\t\t[-s spacct] [-Tt] [-u login] [-VwxZ]\n"
     "%\t-N [-A] [-s spacct]",
     accounting::csajrep_command},
    {"csadrep", "8", "Report batch and interactive use",
     "Reports how many jobs of a sorted file were interactive or batch, what "
     "CPU time they used, and the use of batch queues. FILEs are what *-o* "
     "wrote; they are added up.",
     kCsadrepLetters, "[FILE...]",
     "Command Usage:\n"
     "%\t[-Aajn] [-D level] [-V level] [-o ofile] [-s spacct]\n"
     "%\t[-A] [-D level] [-o ofile [-N]] [-s spacct]\n"
     "%\t[-ajn] [-D level] [-V level] [-o ofile] files\n"
     "%\t[-D level] [-o ofile [-N]] files",
     accounting::csadrep_command, Form::kNamesUnknown},
    {"csaverify", "8", "Find what is damaged in an accounting file",
     "Reads an accounting file and names each range of bytes that is no valid "
     "record. Exit code 0: it is sound, 1: it is damaged, 2: there is more "
     "damage than *-m* allows.",
     kCsaverifyLetters, "",
     "Command Usage:\n%\t[-P pacct] [-o outfile] [-m nrec] [-v] [-D]",
     accounting::csaverify_command},
    {"csaedit", "8", "Cut records out of an accounting file, or print it",
     "Copies an accounting file without the damage that *csaverify -o* found, "
     "or without records that are named by number, or prints it as text.",
     kCsaeditLetters, "",
     "Command Usage:\n%\t[-P pacct] -b offsetfile -o outfile [-v]\n"
     "%\t[-P pacct] [-o outfile] -A [-m] [-t] [-v]\n"
     "%\t[-P pacct] -r reclist -o outfile [-v]\n"
     "%\t[-P pacct] -r reclist [-o outfile] -A | -x [-m] [-t] [-v]",
     accounting::csaedit_command},
    {"csarun", "8", "Do the accounting of a day",
     "Switches the accounting file and makes consolidated files, command "
     "summaries and reports of what was written until then, in the states "
     "SETUP, VERIFY, ARCHIVE1, BUILD, ARCHIVE2, CMS, REPORT, DREP, FEF, "
     "USEREXIT and CLEANUP. A run that stopped, or was killed, goes on with "
     "its date as operand, in the state that is in _nite/statefile_ or in the "
     "one that is named. What it does is in _nite/active_. In four states it "
     "reads in a shell script of the site's, if there is one in EXIT_DIR: "
     "*csa.archive1*, *csa.archive2*, *csa.fef* and *csa.user*. That it "
     "stopped is mailed to MAIL_LIST, that it went on in spite of errors to "
     "WMAIL_LIST, by MAILER.",
     kCsarunLetters, "[MMDD [hhmm [STATE]]]",
     "usage: % [-A] [-V level] [MMDD [hhmm [state]]]", csarun_command},
    {"csaperiod", "8", "Do the accounting of a period",
     "Adds up what *csarun* made in a period, and fees, into "
     "_fiscal/pdacct.MMDDhhmm_ and _fiscal/cms.MMDDhhmm_, and reports it in "
     "_fiscal/rprt.MMDDhhmm_. What it does is in _nite/pdact_. It reads in the "
     "site's shell script *csa.puser*, if there is one in EXIT_DIR. It mails "
     "as *csarun* does.",
     kCsaperiodLetters, "", "usage: % [-s date_time] [-e date_time] [-r]",
     accounting::csaperiod_command},
    {"csaswitch", "8",
     "Switch the accounting file, turn kinds of records on and off",
     "Asks the instance of Corral that writes accounting records. *switch* "
     "gives the accounting file the next free number and begins a new one; no "
     "record is lost. *on* and *off* turn the kinds of *-n* on and off, which "
     "holds until it is changed, also after a start of the machine: csa "
     "(processes), linked to it mem, io and delay, thresholds memt and time; "
     "wkmg, tape, site1 and site2 (what schedulers and other daemons write); "
     "job (starts and ends of jobs, which are written with any of these). "
     "*on* without *-n* takes csa.conf's. *halt* turns all off. Each change is "
     "told by a record of the configuration. *status* reports what csa.conf "
     "has labels for, *check -n* _NAME_ one kind; it fails if that is not on. "
     "Root only, but for "
     "status and check. Where no instance runs, the file of csa.conf is "
     "switched by its name.",
     kCsaswitchLetters, "",
     "Command Usage:\n%\n\t[-D level] -c check -n name\n\t[-D level] -c halt\n"
     "\t[-D level] -c off -n namelist\n"
     "\t[-D level] -c on [-n namelist] [-m memthresh] [-t timethresh] "
     "[-P path]\n"
     "\t[-D level] -c status\n\t[-D level] -c switch\n\n"
     "\tValid arguments to the -n option are:\n"
     "\t\tcsa, wkmg, io, mem, delay, memt, time",
     csaswitch_command},
    {"csackpacct", "8", "Keep accounting file and disk from becoming full",
     "For cron. Switches an accounting file of more than so many blocks of "
     "1024 bytes (4000). Turns accounting off, with exit code 1, where "
     "ACCT_FS has fewer than MIN_BLKS blocks free, and on again when it has "
     "more; what somebody else turned off stays off. That it turned it off "
     "is mailed to MAIL_LIST.",
     kNoLetters, "[BLOCKS]", "usage: % [blocks]", csackpacct_command},
    {"lastlogin", "8", "Keep the day on which each user was there last",
     "Writes the days into _sum/loginlog_.", kLastloginLetters, "",
     "Usage: % -c infile", accounting::lastlogin_command},
    {"dodisk", "8", "Account for disk use by user",
     "Walks through the file systems that begin at the directories named, or "
     "through the one of /, and writes how many blocks of 512 bytes each user "
     "has into _day/dtmp_, as text, and _nite/diskcacct_, as consolidated "
     "records, which *csarun* takes up. A file with several names counts once. "
     "With *-q* it asks the quotas of users that the file systems of the "
     "directories keep, and need not look at any file: all of a file system "
     "counts then, also what has no name any more. Where one keeps none it "
     "says so, and writes nothing.",
     kDodiskLetters, "[DIRECTORY...]", "usage: % [-q] [mount_points]",
     accounting::dodisk_command, Form::kLongNames, kDodiskLongNames},
    {"acctdusg", "8", "Disk use by user of files that are named",
     "Reads names of files from standard input, one a line, and prints how "
     "many blocks of 512 bytes each user has. A file with several names counts "
     "once.",
     kAcctdusgLetters, "<NAMES",
     "Command Usage: /usr/sbin/% [-u file] [-p file]",
     accounting::acctdusg_command},
    {"acctdisk", "8", "Make consolidated records of disk use",
     "Reads lines with user id, name and blocks, as *acctdusg* prints them.",
     kNoLetters, "<TEXT", "usage: %", accounting::acctdisk_command,
     Form::kNone},
    {"nulladm", "8", "Make empty accounting files",
     "Empties each file, or makes it, for the user csaacct and the group of "
     "csa.conf, with mode 0664.",
     kNoLetters, "FILE...", "usage: % file...", accounting::nulladm_command},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace cli::published
