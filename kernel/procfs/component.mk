# SPDX-License-Identifier: MIT
needs = mm sched signal proc vfs tty time devfs tmpfs
