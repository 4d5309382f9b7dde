/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the environment names a proxy for a URL, by libcurl's rules, which tells nobody.
 */
#ifndef BERTH_REMOTE_PROXY_H
#define BERTH_REMOTE_PROXY_H

#include "remote/url.h"

#include <stdbool.h>

/* http_proxy in small letters only, since a web server would set HTTP_PROXY from a header; the
 * others in both. Of no_proxy: names, with what is below them, addresses, and `*`; blocks of
 * addresses (10.0.0.0/8) count as a proxy that is used. */
bool proxy_is_used(const struct url *url);

#endif
