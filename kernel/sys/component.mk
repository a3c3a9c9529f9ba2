# SPDX-License-Identifier: MIT
needs = debug drivers inet mm patch plat proc sched signal tty vfs
