# SPDX-License-Identifier: MIT
needs = mm sched signal proc vfs drivers tty
