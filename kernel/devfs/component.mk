# SPDX-License-Identifier: MIT
needs = mm plat sched signal sys tmpfs tty vfs
