# SPDX-License-Identifier: MIT
needs = debug drivers mm plat proc sched socket time vfs
