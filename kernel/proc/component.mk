# SPDX-License-Identifier: MIT
needs = debug futex inet mm plat poll sched signal sys time tty vfs
