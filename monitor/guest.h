// SPDX-License-Identifier: MIT
//
// Platform linux: the guest is a process of its own (abi/process.h). It is made from the monitor by fork, gives up
// everything it had from there, and can do no more than its system-call filter lets it (guest_filter.c).
#ifndef WHELK_MONITOR_GUEST_H
#define WHELK_MONITOR_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/process.h"

struct guest;

// fs_config.window_map
int guest_window_map(void *guest, uint64_t offset, uint64_t len, int fd, uint64_t file_off, bool write);

// net_config.pass, keep: a connected stream for the guest too; no longer.
int guest_stream_pass(void *guest, int fd, uint32_t id); // -errno: it cannot have it
int guest_stream_watch(void *guest, int fd, uint32_t id);
void guest_stream_keep(void *guest, int fd);

// The filter of a process `pid` whose host calls come from before `host_call_ip`, as struct sock_filter: how many
// instructions, or -E2BIG. `bases`: how it gets thread pointers.
int guest_filter_build(uint64_t *insn, size_t room, uint64_t host_call_ip, pid_t pid, enum abi_process_bases bases);

enum abi_process_bases arch_host_bases(void); // what this host allows

#endif
