/* SPDX-License-Identifier: Apache-2.0
 *
 * Random identifiers (RFC 9562).
 */
#ifndef BERTH_BASE_UUID_H
#define BERTH_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>

#define UUID_SIZE 37                 /* with the NUL */
void uuid_make(char out[UUID_SIZE]); /* version 4, from getrandom(2) */
bool uuid_valid(const char *s, size_t len);

#endif
