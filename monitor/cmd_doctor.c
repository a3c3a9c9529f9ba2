// SPDX-License-Identifier: MIT
#include <stdio.h>
#include "monitor/cmd.h"
int cmd_doctor(int argc, char **argv) { (void)argc; (void)argv; return 1; }
