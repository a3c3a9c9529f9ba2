// SPDX-License-Identifier: MIT
//
// lwIP's view of the compiler and of what is under it (lwip/arch.h includes this).
#ifndef WHELK_LWIP_CC_H
#define WHELK_LWIP_CC_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#define BYTE_ORDER	   LITTLE_ENDIAN
#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_CTYPE_H	   1
#define LWIP_NO_UNISTD_H   1
#define U16_F		   "u"
#define S16_F		   "d"
#define X16_F		   "x"
#define U32_F		   "u"
#define S32_F		   "d"
#define X32_F		   "x"
#define SZT_F		   "lu"

#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif
typedef long ssize_t;

_Noreturn void lwip_port_assert(const char *what, int line);
uint32_t lwip_port_random(void);
uint16_t lwip_port_checksum(const void *data, int len);
void *heap_alloc(size_t size);
void *heap_zalloc(size_t size);
void heap_free(void *p);

#define LWIP_PLATFORM_DIAG(x)	((void)0)
#define LWIP_PLATFORM_ASSERT(x) lwip_port_assert(x, __LINE__)
#define LWIP_RAND()		lwip_port_random()
#define LWIP_CHKSUM		lwip_port_checksum

#endif
