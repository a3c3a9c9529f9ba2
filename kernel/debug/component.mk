# SPDX-License-Identifier: MIT
needs = plat
