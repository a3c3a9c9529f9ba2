# SPDX-License-Identifier: MIT
needs = devfs inet ipc mm plat proc sched sys time tmpfs tty vfs
