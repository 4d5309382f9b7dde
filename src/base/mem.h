/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation that cannot fail: running out of memory aborts the worker (its supervisor starts
 * another), since no request can be answered sensibly then.
 */
#ifndef BERTH_BASE_MEM_H
#define BERTH_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed; free(3) */
void *mem_grow(void *old, size_t n,
               size_t size);     /* realloc of n items of size bytes, overflow checked */
char *mem_strdup(const char *s); /* free(3) */

#endif
