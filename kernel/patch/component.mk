# SPDX-License-Identifier: MIT
needs = debug mm plat proc sched signal vfs
