# SPDX-License-Identifier: MIT
needs = debug futex mm plat proc signal sys time
