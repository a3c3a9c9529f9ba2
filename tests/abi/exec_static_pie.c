// SPDX-License-Identifier: MIT
//
// A static program at any address (static-PIE), with threads, TLS and a constructor.
// build: -static-pie
#define FIXED 0
#include "exec_kind.h"
