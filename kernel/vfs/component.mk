# SPDX-License-Identifier: MIT
needs = mm sched proc signal time poll pipe sys debug
