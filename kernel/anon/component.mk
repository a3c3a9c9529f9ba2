# SPDX-License-Identifier: MIT
needs = mm poll signal sys tmpfs vfs
