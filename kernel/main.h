// SPDX-License-Identifier: MIT
#ifndef WHELK_MAIN_H
#define WHELK_MAIN_H

// Called by the platform on the boot stack of the first CPU, and on a stack of its own on the others.
_Noreturn void kernel_main(void);
_Noreturn void kernel_cpu_main(unsigned cpu);

#endif
