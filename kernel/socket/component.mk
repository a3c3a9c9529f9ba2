# SPDX-License-Identifier: MIT
needs = mm poll proc sched signal sys time vfs
