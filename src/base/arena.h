/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that belongs to one request: handed out piece by piece, freed at once. Descriptors and
 * locks do not belong here. Out of memory aborts. An arena set to {0} is ready; arena_free returns
 * it to that state.
 */
#ifndef BERTH_BASE_ARENA_H
#define BERTH_BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *last;
};

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
char *arena_strndup(struct arena *arena, const char *s, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *arena);

#endif
