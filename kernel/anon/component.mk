# SPDX-License-Identifier: MIT
needs = mm sched signal poll sys tmpfs vfs
