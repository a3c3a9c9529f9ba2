# SPDX-License-Identifier: MIT
needs = mm proc sched signal sys time tmpfs vfs
