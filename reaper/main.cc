// SPDX-License-Identifier: Apache-2.0
#include "core/job_report.h"
#include "reaper/launch_block.h"
#include "reaper/protocol.h"
#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "sys/message_socket.h"

int main() { return 0; }
