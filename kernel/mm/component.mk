# SPDX-License-Identifier: MIT
needs = debug devfs plat proc sched signal sys tmpfs vfs
