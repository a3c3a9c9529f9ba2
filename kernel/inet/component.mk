# SPDX-License-Identifier: MIT
needs = debug devfs drivers mm plat proc sched socket time vfs
