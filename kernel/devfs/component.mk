# SPDX-License-Identifier: MIT
needs = mm sched signal plat sys tmpfs tty vfs
