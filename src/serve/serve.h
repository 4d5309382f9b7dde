/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `berth serve`: it binds the port, starts berth.fcgi's workers on a socket in a
 * private directory, and in front of them lighttpd, and watches both.
 */
#ifndef BERTH_SERVE_SERVE_H
#define BERTH_SERVE_SERVE_H

#include "api/config.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/strings.h"

#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>

/* How it is to be served, as the command line said it; NULL is what it did not say. */
struct serve_options {
    const char *listen;
    const char *listen_by;    /* what says it, as registry:2 was told; NULL: --listen */
    int workers, workers_max; /* as of berth.fcgi */
    const char *htpasswd, *realm;
    const char *tls_cert, *tls_key;
    bool tls_self_signed;
    const char *tls_dir;
    const char *const *tls_names;
    size_t n_tls_names;
};

/* listener.c: the port. It is bound here and handed on, so that nobody can take it in between,
 * a port that is in use is reported before anything is started, and root can bind one below 1024
 * for a store whose owner cannot. */
#define LISTENER_INIT                                                                              \
    {                                                                                              \
        .n = 0                                                                                     \
    }
#define AUTO_LISTENER __attribute__((cleanup(listener_close))) struct listener
#define LISTENER_MAX 8
struct listener {
    /* One for each address of the name that was given, as 127.0.0.1 and ::1 of localhost, with
     * descriptors in ascending order. */
    struct listener_socket {
        int fd;
        struct sockaddr_storage address;
        socklen_t len;
        char host[NI_MAXHOST + 2]; /* as in a URL: an IPv6 address has its brackets */
    } sockets[LISTENER_MAX];
    size_t n;
    const char *by;        /* what said so */
    const char *host;      /* for a URL: the one address, or the name of several */
    char name[NI_MAXHOST]; /* as it was given: a name or an address */
    int port;
    bool loopback; /* nobody else reaches it */
    bool any;      /* every address of this machine */
};
/* "ADDR:PORT", "[IPV6]:PORT", "*:PORT", which is every address of this machine, ":PORT", "PORT";
 * NULL is 127.0.0.1:5000. Port 0 is any that is free. Addresses that this machine has not are
 * passed over if it has another. `by` is what said so, for messages; NULL: --listen. ERR_USAGE;
 * ERR_CONFIG if that port cannot be had. Set to LISTENER_INIT; listener_close afterwards, also
 * after an error. */
int listener_open(struct listener *listener, const char *text, const char *by, struct err *err);
void listener_close(struct listener *listener);

/* tls.c: the certificate, of --tls-cert or of an authority of berth's own. It is read before
 * root is given up, so a key may be readable by root alone. Set to {0}; tls_free afterwards, also
 * after an error. */
#define AUTO_TLS __attribute__((cleanup(tls_free))) struct serve_tls
struct serve_tls {
    bool on;
    struct buf certificate, key; /* PEM */
    struct buf dir;              /* path; empty: no authority of its own */
    struct buf authority;        /* PEM */
    struct buf authority_key;    /* PEM, only while it is needed */
    struct strings names;        /* as of serve/certificate.h, of what it makes */
};
/* Loads, makes or renews. ERR_USAGE for options that do not go together. */
int tls_prepare(const struct serve_options *options, const struct listener *listener,
                struct serve_tls *tls, struct err *err);
void tls_free(struct serve_tls *tls);
/* Says how clients come to trust an authority of its own. */
void tls_print_trust(const struct serve_tls *tls, const struct serve_options *options,
                     const struct listener *listener);

/* login.c: the logins that lighttpd checks. Set to {0}; login_free afterwards. */
#define AUTO_LOGIN __attribute__((cleanup(login_free))) struct serve_login
struct serve_login {
    struct buf file;   /* absolute path of the htpasswd file; empty: lighttpd checks none */
    const char *realm; /* without quotes and the like, as is file */
    bool any;          /* somebody checks logins: lighttpd or berth itself */
};
/* conf must live as long. ERR_USAGE, ERR_CONFIG. */
int login_prepare(const struct serve_options *options, const struct config *conf,
                  struct serve_login *login, struct err *err);
/* Whether the user as whom this runs, which is lighttpd's, can read the file. */
int login_check(const struct serve_login *login, struct err *err);
void login_free(struct serve_login *login);

/* runtime.c: a private directory with the workers' socket, lighttpd's configuration and its copy of
 * the key; those whose process was killed are removed by the next start of the same user. Set to
 * RUNTIME_INIT; runtime_remove afterwards, also after an error. */
struct runtime {
    int lock;                       /* held while it is in use */
    int fd;                         /* the socket, listening */
    struct buf dir, socket, config; /* paths */
    struct buf pages;               /* path of a directory, lighttpd's document root */
    struct buf ask; /* socket where lighttpd answers without TLS, if its port is for TLS */
    struct buf certificate, key; /* files for lighttpd */
};
#define RUNTIME_INIT                                                                               \
    {                                                                                              \
        .lock = -1, .fd = -1                                                                       \
    }
#define AUTO_RUNTIME __attribute__((cleanup(runtime_remove))) struct runtime
int runtime_make(struct runtime *runtime, struct err *err);
void runtime_remove(struct runtime *runtime);
/* What lighttpd's configuration depends on. */
struct runtime_plan {
    const struct listener *listener;
    const struct serve_tls *tls;
    const struct serve_login *login;
    /* Absolute paths of directories. No spool: one of its own, where none is used. */
    const char *spool, *blobs;
    const char *program; /* berth.fcgi */
};
/* Writes it, and the files that it names. */
int runtime_configure(struct runtime *runtime, const struct runtime_plan *plan, struct err *err);

/* children.c */
struct children_plan {
    const char *fcgi;         /* program */
    const char *lighttpd;     /* program */
    int workers, workers_max; /* as of berth.fcgi */
    const struct listener *listener;
    const struct runtime *runtime;
    bool tls;   /* the first request goes to runtime->ask */
    bool login; /* lighttpd asks for one below /v2 */
};
/* Runs the two until SIGINT, SIGTERM or SIGHUP, or until one of them ends by itself, which is an
 * ERR_CONFIG. Calls ready as soon as a request has been answered. None of their processes is left
 * afterwards. */
int children_run(const struct children_plan *plan, void (*ready)(const void *context),
                 const void *context, struct err *err);

#endif
