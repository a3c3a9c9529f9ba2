# SPDX-License-Identifier: MIT
needs = mm proc sys time tmpfs vfs
