# SPDX-License-Identifier: MIT
needs = mm poll proc sched signal socket sys time tmpfs vfs
