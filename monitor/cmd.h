// SPDX-License-Identifier: MIT
//
// The commands: each gets its own name as argv[0] and returns the exit status.
#ifndef WHELK_MONITOR_CMD_H
#define WHELK_MONITOR_CMD_H

#define CMD_FAILED	   125 // the monitor's own failure
#define CMD_NOT_EXECUTABLE 126
#define CMD_NOT_FOUND	   127

int cmd_run(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_build(int argc, char **argv);
int cmd_inspect(int argc, char **argv);

#endif
