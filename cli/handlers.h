// SPDX-License-Identifier: Apache-2.0
// What each command does: one function a command, in cmd_NAME.cc. Each takes
// checked arguments and returns the exit code.
#pragma once

#include "cli/arguments.h"

namespace cli {

int run_program(const Arguments& arguments);
int list_jobs(const Arguments& arguments);
int show_tree(const Arguments& arguments);
int show_job(const Arguments& arguments);
int kill_jobs(const Arguments& arguments);
int limit_job(const Arguments& arguments);
int attach_processes(const Arguments& arguments);
int detach_processes(const Arguments& arguments);
int handle_session(const Arguments& arguments);
int freeze_jobs(const Arguments& arguments);
int thaw_jobs(const Arguments& arguments);
int show_top(const Arguments& arguments);
int follow_events(const Arguments& arguments);
int wait_for_jobs(const Arguments& arguments);
int show_log(const Arguments& arguments);
int diagnose(const Arguments& arguments);
int reexec_daemon(const Arguments& arguments);
int show_records(const Arguments& arguments);
int control_accounting(const Arguments& arguments);
int archive_files(const Arguments& arguments);
int index_files(const Arguments& arguments);
int report_use(const Arguments& arguments);

}  // namespace cli
