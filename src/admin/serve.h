/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `berth serve`: it binds the port, starts berth.fcgi's workers on a socket in a
 * private directory, and in front of them lighttpd, and watches both.
 */
#ifndef BERTH_ADMIN_SERVE_H
#define BERTH_ADMIN_SERVE_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"

#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>

/* serve_listen.c: the port. It is bound here and handed on, so that nobody can take it in between,
 * a port that is in use is reported before anything is started, and root can bind one below 1024
 * for a store whose owner cannot. */
#define LISTENER_INIT                                                                              \
    {                                                                                              \
        .fd = -1                                                                                   \
    }
#define AUTO_LISTENER __attribute__((cleanup(listener_close))) struct listener
struct listener {
    int fd;
    struct sockaddr_storage address;
    socklen_t len;
    char host[NI_MAXHOST + 2]; /* as in a URL: an IPv6 address has its brackets */
    int port;
    bool loopback; /* nobody else reaches it */
    bool any;      /* every address of this machine */
};
/* "ADDR:PORT", "[IPV6]:PORT", ":PORT", "PORT"; NULL is 127.0.0.1:5000. Port 0 is any that is free.
 * ERR_USAGE; ERR_CONFIG if that port cannot be had. Set to LISTENER_INIT; listener_close
 * afterwards, also after an error. */
int listener_open(struct listener *listener, const char *text, struct err *err);
void listener_close(struct listener *listener);

/* serve_runtime.c: a private directory with the workers' socket and lighttpd's configuration. Set
 * to RUNTIME_INIT; runtime_remove afterwards, also after an error. */
struct runtime {
    int fd;                         /* the socket, listening */
    struct buf dir, socket, config; /* paths */
    struct buf empty; /* path of a directory for lighttpd, which wants a document root */
};
#define RUNTIME_INIT                                                                               \
    {                                                                                              \
        .fd = -1                                                                                   \
    }
#define AUTO_RUNTIME __attribute__((cleanup(runtime_remove))) struct runtime
int runtime_make(struct runtime *runtime, struct err *err);
void runtime_remove(struct runtime *runtime);
/* Writes lighttpd's configuration; spool and blobs are absolute paths of directories. */
int runtime_configure(const struct runtime *runtime, const struct listener *listener,
                      const char *spool, const char *blobs, struct err *err);

/* serve_children.c */
struct children_plan {
    const char *fcgi;     /* program */
    const char *lighttpd; /* program */
    int workers;
    const struct listener *listener;
    const struct runtime *runtime;
};
/* Runs the two until SIGINT, SIGTERM or SIGHUP, or until one of them ends by itself, which is an
 * ERR_CONFIG. Calls ready as soon as a request has been answered. None of their processes is left
 * afterwards. */
int children_run(const struct children_plan *plan, void (*ready)(const void *context),
                 const void *context, struct err *err);

#endif
