# SPDX-License-Identifier: MIT
needs = mm proc signal time sys
