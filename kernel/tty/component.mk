# SPDX-License-Identifier: MIT
needs = mm sched proc signal time plat poll sys vfs
