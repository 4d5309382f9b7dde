/* SPDX-License-Identifier: Apache-2.0
 *
 * Characters of UTF-8 (RFC 3629).
 */
#ifndef BERTH_BASE_UTF8_H
#define BERTH_BASE_UTF8_H

#include <stddef.h>

/* The length of the character at s, of which len bytes are there; 0: it is none. */
size_t utf8_length(const char *s, size_t len);

#endif
