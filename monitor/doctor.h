// SPDX-License-Identifier: MIT
//
// What the checks of `whelk doctor` share with those that only the processor's directory can make.
#ifndef WHELK_MONITOR_DOCTOR_H
#define WHELK_MONITOR_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

enum doctor_grade {
	DOCTOR_OK,
	DOCTOR_NOTE,	// works, but slower or less confined
	DOCTOR_MISSING, // `whelk run` cannot work
};

// One finding. `advice` (or NULL) is printed beneath it.
void doctor_say(enum doctor_grade grade, const char *what, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

// arch/<name>/
void arch_doctor_cpu(void);	      // features of the processor
const char *arch_doctor_process(void); // what the processor lacks for platform linux, or NULL
// A guest of one page that leaves its machine over and over: puts the code in place, makes a vCPU run it.
// 0 or -errno.
int arch_doctor_guest(int vcpu_fd, uint8_t *page);

#endif
