/* SPDX-License-Identifier: Apache-2.0
 *
 * Decimal numbers as programs write them.
 */
#ifndef BERTH_BASE_DECIMAL_H
#define BERTH_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number without sign or space. Those too large for int64_t become INT64_MAX. */
bool decimal_parse(const char *s, size_t len, int64_t *value);

#endif
