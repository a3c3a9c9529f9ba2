# SPDX-License-Identifier: MIT
needs = debug futex mm plat poll sched signal sys time tty vfs
