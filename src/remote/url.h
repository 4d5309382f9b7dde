/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs of other hosts (RFC 3986), as far as a client of HTTP needs them: http and https, without a
 * user in them.
 */
#ifndef BERTH_REMOTE_URL_H
#define BERTH_REMOTE_URL_H

#include "base/buf.h"

#include <stdbool.h>

#define URL_HOST_MAX 255

struct url {
    bool is_https;
    char host[URL_HOST_MAX + 1]; /* in lower case; of IPv6 without brackets */
    int port;                    /* also where the URL has none */
    const char *path;            /* what is behind, from `/`, `?` or the end on, in the text */
};

/* False for anything else: another scheme, `user@`, a space or a control character anywhere. */
bool url_parse(struct url *url, const char *text);

/* Scheme, host and port are the same (RFC 6454, section 5). */
bool url_same_origin(const struct url *a, const struct url *b);

/* Appends what a Location leads to from base; the fragment is left out. False: it leads to no such
 * URL. */
bool url_resolve(const char *base, const char *location, struct buf *out);

/* Appends the URL for people, without its query, which may hold a signature that is worth as much
 * as a password. What cannot be parsed is not shown. */
void url_show(const char *text, struct buf *out);

#endif
