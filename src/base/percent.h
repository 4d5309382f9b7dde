/* SPDX-License-Identifier: Apache-2.0
 *
 * Percent-encoding (RFC 3986).
 */
#ifndef BERTH_BASE_PERCENT_H
#define BERTH_BASE_PERCENT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Decodes %HH and, as in a query string, `+`. False on a broken escape. */
bool percent_decode_query(struct buf *out, const char *s, size_t len);
/* Escapes everything but RFC 3986's unreserved characters and `/`. */
void percent_encode(struct buf *out, const char *s);

#endif
