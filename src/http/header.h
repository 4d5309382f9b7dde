/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of HTTP headers that berth reads and writes (RFC 9110, RFC 8288).
 */
#ifndef BERTH_HTTP_HEADER_H
#define BERTH_HTTP_HEADER_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Content-Range of an upload chunk, `<first>-<last>` (OCI Distribution Specification, "Pushing a
 * blob in chunks"), also in RFC 9110's form `bytes <first>-<last>/<any>`. False if it is neither.
 */
bool header_content_range(const char *value, int64_t *first, int64_t *last);

struct byte_range {
    int64_t first;
    int64_t last; /* inclusive */
};

enum range_verdict {
    RANGE_NONE,          /* no byte ranges asked for, or too many: send all */
    RANGE_SOME,          /* *n ranges, in the order that was asked */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* podman asks for so many at a time. More, or ranges that together are longer than the blob, are a
 * way to make a small request dear (RFC 9110, section 17.15): they get all of it instead. */
#define RANGE_MAX 1024
/* The bytes of several ranges together: more are all of it, which the web server sends by itself
 * where it would keep what comes from berth in files or in memory first. One may be any length. */
#define RANGE_TOTAL_MAX ((int64_t)64 << 20)

/* Range of a GET for `size` bytes (RFC 9110, section 14). A malformed set, such as one whose first
 * lies behind its last, is unsatisfiable, as the conformance tests have it. */
enum range_verdict header_range(const char *value, int64_t size,
                                struct byte_range ranges[RANGE_MAX], size_t *n);

/* Whether If-Match, If-Range or If-None-Match names the entity tag (without quotes); `*` matches if
 * `exists`. A weak entity tag (W/) names it only in If-None-Match, whose comparison is weak (RFC
 * 9110, section 13.1). */
enum etag_comparison { ETAG_STRONG, ETAG_WEAK };
bool header_etag_matches(const char *value, const char *etag, bool exists,
                         enum etag_comparison comparison);

/* Copies a media type without its parameters, in at most size bytes. */
void header_media_type(const char *value, char *out, size_t size);

#endif
