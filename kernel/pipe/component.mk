# SPDX-License-Identifier: MIT
needs = mm sched proc signal poll sys vfs
