// SPDX-License-Identifier: MIT
//
// lwIP includes this; the kernel's words for it are these.
#include "base/string.h"
