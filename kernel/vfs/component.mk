# SPDX-License-Identifier: MIT
needs = debug mm pipe poll proc sched signal sys time
