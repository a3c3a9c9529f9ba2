# SPDX-License-Identifier: MIT
needs = debug devfs mm plat proc sys time vfs uring
