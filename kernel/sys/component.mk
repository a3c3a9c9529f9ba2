# SPDX-License-Identifier: MIT
needs = debug drivers mm patch plat proc sched signal tty vfs
