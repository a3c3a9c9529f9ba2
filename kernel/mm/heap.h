// SPDX-License-Identifier: MIT
//
// The kernel heap: size classes carved from pages, whole pages above. All results are
// 16-byte aligned. NULL when memory is exhausted. Freeing NULL is allowed.
#ifndef WHELK_MM_HEAP_H
#define WHELK_MM_HEAP_H

#include "base/api.h"
#include "base/util.h"

API void *heap_alloc(size_t size);
API void *heap_zalloc(size_t size);
API void *heap_realloc(void *p SHARED, size_t size); // contents kept up to the smaller size
API void heap_free(void *p SHARED);
API char *heap_strdup(const char *s IN(strlen));

#define heap_new(type) ((type *)heap_zalloc(sizeof(type)))

#endif
