/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is at the other end of a FastCGI connection: whoever can connect says who makes a request
 * (REMOTE_USER), and by which address, so it should be the web server alone. A socket's mode knows
 * only its owner and one group, in which there may be others.
 */
#ifndef BERTH_CGI_BIN_PEER_H
#define BERTH_CGI_BIN_PEER_H

#include "base/err.h"
#include "base/strings.h"

#include <stdbool.h>
#include <sys/types.h>

struct peers {
    uid_t *v;
    size_t n;
};

/* The users of these names or numbers, berth.conf(5), `socket_users`. ERR_CONFIG: there is no such
 * user. peer_free afterwards, also after an error. */
int peer_find(struct peers *peers, const struct strings *users, struct err *err);
void peer_free(struct peers *peers);

/* Whether this connection is by one of them, or by root, who may do everything anyway; without any,
 * by anyone. ERR_CONFIG names who it is. */
int peer_check(const struct peers *peers, int connection, struct err *err);

/* Breaks off what the web server is being sent: an answer that is not whole must not look so. nginx
 * and mod_proxy_fcgi take a connection that just ends for the end of the answer, and let the client
 * wait for the rest of it; a record of a version that there is not makes them break off, as
 * lighttpd and mod_fcgid do anyway. Waits for room for that: of a slow client there may be none. */
void peer_break_off(int connection, int timeout_ms);

#endif
