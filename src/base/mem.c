/* SPDX-License-Identifier: Apache-2.0
 * L0: allocation that aborts when memory runs out. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void *mem_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p)
        abort();
    return p;
}

void *mem_grow(void *old, size_t n, size_t size)
{
    void *p = reallocarray(old, n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

char *mem_strdup(const char *s)
{
    char *p = strdup(s);
    if (!p)
        abort();
    return p;
}
