/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as hexadecimal digits, lower case.
 */
#ifndef BERTH_BASE_HEX_H
#define BERTH_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* out takes 2 * len + 1 bytes. */
void hex_encode(char *out, const unsigned char *bytes, size_t len);
/* Decodes exactly 2 * len lower-case digits; false on anything else. */
bool hex_decode(unsigned char *out, const char *hex, size_t len);

#endif
