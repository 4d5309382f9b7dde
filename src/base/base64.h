/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 4648: base64url without padding (section 5), and plain base64 with it (section 4). Decoding
 * is strict: no other character, and no stray bits at the end, so that one text has one meaning.
 */
#ifndef BERTH_BASE_BASE64_H
#define BERTH_BASE_BASE64_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

void base64_encode_url(struct buf *out, const void *bytes, size_t len);
void base64_encode(struct buf *out, const void *bytes, size_t len);
bool base64_decode_url(struct buf *out, const char *s, size_t len);
bool base64_decode(struct buf *out, const char *s, size_t len);

#endif
