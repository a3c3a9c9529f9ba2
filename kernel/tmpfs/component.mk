# SPDX-License-Identifier: MIT
needs = mm proc time vfs
