// SPDX-License-Identifier: MIT
//
// A dynamic program at a fixed address, with threads, TLS and a constructor.
// build: -no-pie
#define FIXED 1
#include "exec_kind.h"
