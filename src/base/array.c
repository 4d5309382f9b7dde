/* SPDX-License-Identifier: Apache-2.0
 * L0: arrays that grow at their end. */
#include "base/array.h"

#include <string.h>

void *array_room(void *items, size_t n, size_t size)
{
    if ((n & (n - 1)) == 0)
        items = mem_grow(items, n ? 2 * n : 1, size);
    memset((char *)items + n * size, 0, size);
    return items;
}
