# SPDX-License-Identifier: MIT
needs = mm plat poll proc signal sys time vfs
