/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays that grow at their end: a pointer and a number of items, wherever they stand. Room is made
 * by powers of two, which the number alone tells, so there is no capacity to keep; an array that
 * grows here must not be allocated elsewhere. free(3) frees it. Out of memory aborts.
 */
#ifndef BERTH_BASE_ARRAY_H
#define BERTH_BASE_ARRAY_H

#include "base/mem.h"

/* Adds a zeroed item to the n items of v, both of which change, and returns where it is until the
 * next one is added. */
#define ARRAY_ADD(v, n) ((v) = array_room((v), (n), sizeof *(v)), &(v)[(n)++])

/* Room for one more, zeroed, behind the n items. */
void *array_room(void *items, size_t n, size_t size);

#endif
