// SPDX-License-Identifier: MIT
//
// The doorbell page: 8-byte stores from ring 3 that leave the virtual machine. The monitor
// answers on the vCPU's own thread, so a store has completed its work when the next
// instruction runs. Exits are dear (2 to 40 us): nothing here is for hot paths.
#ifndef WHELK_ABI_DOORBELL_H
#define WHELK_ABI_DOORBELL_H

#define ABI_DOORBELL_EXIT    0x000 // value: wait status of the program as wait(2) gives it; the machine ends
#define ABI_DOORBELL_IDLE    0x008 // value ignored: sleep until abi_cpu.pending != 0 or abi_cpu.deadline_ns
#define ABI_DOORBELL_KICK    0x010 // value: mask of vCPUs to give ABI_EVENT_KICK and interrupt or wake
#define ABI_DOORBELL_START   0x018 // value: number of a vCPU to start at abi_image.cpu_entry
#define ABI_DOORBELL_CONSOLE 0x020 // value ignored: one request in struct abi_console.request
#define ABI_DOORBELL_PANIC   0x028 // value: gpa of a struct abi_panic; the machine ends, exit status 125
#define ABI_DOORBELL_TIMER   0x030 // value ignored: abi_cpu.deadline_ns is now earlier than armed_ns: set the timer
#define ABI_DOORBELL_BOOTED  0x038 // value ignored: the program's first instruction is next (boot time)
#define ABI_DOORBELL_REPORT  0x040 // value: gpa of a struct abi_report: say something to the user
#define ABI_DOORBELL_PARK    0x048 // value: nanoseconds to sleep, at most ABI_PARK_MAX; a kick ends it
#define ABI_DOORBELL_QUEUE   0x100 // + 8 * queue: look at a virtqueue

#define ABI_PARK_MAX 1000000u

#endif
