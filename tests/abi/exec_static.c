// SPDX-License-Identifier: MIT
//
// A static program at a fixed address, with threads, TLS and a constructor.
// build: -static -no-pie
#define FIXED 1
#include "exec_kind.h"
