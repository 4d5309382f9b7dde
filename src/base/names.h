/* SPDX-License-Identifier: Apache-2.0
 *
 * Very many short strings, packed: a name takes its length and five bytes. Set to {0}; names_free
 * returns it to that state.
 */
#ifndef BERTH_BASE_NAMES_H
#define BERTH_BASE_NAMES_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct names {
    struct buf text; /* each with its NUL */
    uint32_t *at;    /* where each begins in the text */
    size_t n;
};
#define AUTO_NAMES __attribute__((cleanup(names_free))) struct names

void names_add(struct names *names, const char *name); /* beyond 4 GiB of them it aborts */
const char *names_get(const struct names *names, size_t i);
void names_sort(struct names *names); /* in byte order */
/* How many of sorted names are not behind `name`. */
size_t names_before(const struct names *names, const char *name);
void names_free(struct names *names);

#endif
