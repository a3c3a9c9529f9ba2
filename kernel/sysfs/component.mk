# SPDX-License-Identifier: MIT
needs = mm vfs
