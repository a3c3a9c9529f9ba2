# SPDX-License-Identifier: MIT
needs = mm sched signal futex time vfs sys exec tty poll
