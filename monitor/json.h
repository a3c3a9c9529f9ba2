// SPDX-License-Identifier: MIT
//
// Words for --json.
#ifndef WHELK_MONITOR_JSON_H
#define WHELK_MONITOR_JSON_H

#include <stdio.h>

// `text` with its quotes. Bytes that are no UTF-8 become U+FFFD.
void json_string(FILE *f, const char *text);

#endif
