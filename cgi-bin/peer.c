/* SPDX-License-Identifier: Apache-2.0
 * L5: who may connect. */
#include "peer.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int peer_find(struct peers *peers, const struct strings *users, struct err *err)
{
    for (size_t i = 0; i < users->n; i++) {
        const char *name = users->v[i];
        const struct passwd *user = getpwnam(name);
        int64_t uid;
        if (!user && (!decimal_parse(name, strlen(name), &uid) || uid >= UINT32_MAX))
            return err_set(err, ERR_CONFIG, "socket_users: this machine has no user \"%s\"", name);
        *ARRAY_ADD(peers->v, peers->n) = user ? user->pw_uid : (uid_t)uid;
    }
    return 0;
}

void peer_free(struct peers *peers)
{
    free(peers->v);
    *peers = (struct peers){0};
}

static int refuse(uid_t uid, struct err *err)
{
    const struct passwd *user = getpwuid(uid);
    AUTO_BUF name = BUF_INIT;

    buf_addf(&name, "%ju", (uintmax_t)uid);
    return err_set(err, ERR_CONFIG,
                   "the user %s may not connect to the socket: if the web server runs as that, "
                   "name it in socket_users",
                   user ? user->pw_name : name.s);
}

int peer_check(const struct peers *peers, int connection, struct err *err)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (peers->n == 0)
        return 0;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid == (uid_t)-1)
        return err_set(err, ERR_CONFIG,
                       "it is not known who connects: socket_users needs a Unix socket");
    if (peer.uid == 0)
        return 0;
    for (size_t i = 0; i < peers->n; i++)
        if (peers->v[i] == peer.uid)
            return 0;
    return refuse(peer.uid, err);
}

void peer_break_off(int connection, int timeout_ms)
{
    static const char record[8] = {0};
    struct pollfd room = {.fd = connection, .events = POLLOUT};

    poll(&room, 1, timeout_ms); /* whatever it says */
    if (send(connection, record, sizeof record, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        log_debug("who gets no more is not told: %s", strerror(errno));
    shutdown(connection, SHUT_RDWR);
}
