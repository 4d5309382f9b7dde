/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a token server that a registry names may have the registry's password. A registry that is
 * broken into, or anybody on a plain line, could name its own. Wraps libpsl.
 */
#ifndef BERTH_REMOTE_REALM_H
#define BERTH_REMOTE_REALM_H

#include "base/err.h"
#include "remote/url.h"

#include <stddef.h>

/* Allowed by https, or by http where the registry is asked by http: the registry's own host, one
 * under the same registrable domain (the Public Suffix List), as auth.docker.io is for
 * registry-1.docker.io, and those named ("auth.example.com" or "auth.example.com:5001"). An address
 * has no domain: it is itself alone. UPSTREAM_REFUSED, with the setting that would allow it. */
int realm_check(const struct url *registry, const char *realm, const char *const *named,
                size_t n_named, struct err *err);

#endif
