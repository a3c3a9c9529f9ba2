# SPDX-License-Identifier: MIT
needs = aio anon mm poll proc sched signal socket sys time vfs
