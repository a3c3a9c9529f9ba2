// SPDX-License-Identifier: MIT
//
// What the machine calls itself; procfs shows it too.
#ifndef WHELK_PROC_INFO_H
#define WHELK_PROC_INFO_H

#include "base/api.h"

API const char *info_hostname(void);
API const char *info_domainname(void);
API const char *info_release(void);
API const char *info_version(void);

#endif
