// SPDX-License-Identifier: MIT
//
// What the kernel reports (abi/report.h), said to the user. Every byte of it is untrusted.
#ifndef WHELK_MONITOR_REPORT_H
#define WHELK_MONITOR_REPORT_H

#include "abi/report.h"

struct view;

void report_print(const struct abi_report *r, const struct view *view); // view: where symbols are looked up
void report_panic(const struct abi_panic *p, uint64_t kernel_va, uint64_t kernel_size);

#endif
