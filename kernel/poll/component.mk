# SPDX-License-Identifier: MIT
needs = mm sched proc signal time sys vfs
