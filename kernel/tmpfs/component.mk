# SPDX-License-Identifier: MIT
needs = mm sched proc time vfs
