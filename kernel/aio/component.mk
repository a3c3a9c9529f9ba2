# SPDX-License-Identifier: MIT
needs = anon debug mm poll proc sched signal sys time vfs
