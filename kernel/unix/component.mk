# SPDX-License-Identifier: MIT
needs = mm poll proc signal sys time vfs
