/* SPDX-License-Identifier: Apache-2.0
 *
 * The lighttpd configuration of `berth serve`.
 */
#ifndef BERTH_ADMIN_SERVE_CONF_H
#define BERTH_ADMIN_SERVE_CONF_H

#include "base/buf.h"
#include "base/err.h"

struct serve_conf {
    char address[64]; /* without brackets */
    int port;
    int workers;
    const char *root;    /* data directory, absolute */
    const char *runtime; /* a private directory, absolute */
    const char *program; /* berth.fcgi, absolute */
    const char *config;  /* berth.conf, absolute, or NULL */
};

/* "ADDR:PORT", "[IPV6]:PORT", ":PORT" or "PORT"; NULL is 127.0.0.1:5000. ERR_USAGE. */
int serve_conf_listen(struct serve_conf *conf, const char *text, struct err *err);
/* "127.0.0.1:5000", as it stands in a URL. */
void serve_conf_host(const struct serve_conf *conf, struct buf *out);
/* Appends lighttpd's whole configuration. ERR_USAGE if a path has a character that its syntax
 * cannot hold. */
int serve_conf_print(const struct serve_conf *conf, struct buf *out, struct err *err);

#endif
