# SPDX-License-Identifier: MIT
needs = mm poll proc socket vfs
