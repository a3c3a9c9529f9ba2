# SPDX-License-Identifier: MIT
needs = devfs mm plat proc sched time tmpfs tty vfs
