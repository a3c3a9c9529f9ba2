// SPDX-License-Identifier: MIT
#include "monitor/jail.h"

int jail_process(void) { return 0; }
int jail_thread(enum machine_thread which) { (void)which; return 0; }
int jail_console(void) { return 0; }
