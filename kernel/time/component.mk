# SPDX-License-Identifier: MIT
needs = mm plat poll proc sched signal sys vfs
