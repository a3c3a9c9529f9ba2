# SPDX-License-Identifier: MIT
needs = mm sched signal vfs proc time devfs
