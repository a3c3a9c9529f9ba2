# SPDX-License-Identifier: MIT
needs = mm plat vfs
