# SPDX-License-Identifier: MIT
needs = debug mm plat poll proc sched sys time vfs
