/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of a registry's token server (Docker Registry, "Token authentication"; RFC 6750). All
 * processes with the same state directory share them, each in a file as JSON:
 *
 *     {"token": "...", "until": 1700000000}      until when it is used, some time before its end
 *     {"refused": 1700000000}                    until when nobody asks again with the same account
 */
#ifndef BERTH_REMOTE_BEARER_H
#define BERTH_REMOTE_BEARER_H

#include "base/buf.h"
#include "base/err.h"
#include "oci/name.h"
#include "remote/challenge.h"
#include "remote/remote_ask.h"

/* Longer tokens are none. */
#define BEARER_LEN_MAX 16384

/* Appends the token that is known to be good for pulls of the repository. 0: there is none. */
int bearer_known(struct remote *remote, const struct remote_place *place, const struct name *name,
                 struct buf *token, struct err *err);

/* Appends a token as the challenge wants it: that of another process, unless it is `stale`, the one
 * that was refused just now (NULL: none was sent); else fetched. UPSTREAM_REFUSED: the realm is not
 * to be trusted, or the account is wrong; and all that a request may come to. */
int bearer_fetch(struct remote *remote, struct remote_place *place, const struct name *name,
                 const struct challenge *challenge, const char *stale, struct buf *token,
                 struct err *err);

#endif
