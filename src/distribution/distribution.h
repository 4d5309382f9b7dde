/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration of registry:2 (CNCF Distribution 2.8 and 3): its config.yml, and the variables
 * REGISTRY_A_B_C, each of which counts over a.b.c of the file. What berth can do as well is taken
 * over; what it need not be told, and what it cannot do, is a remark.
 */
#ifndef BERTH_DISTRIBUTION_DISTRIBUTION_H
#define BERTH_DISTRIBUTION_DISTRIBUTION_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where registry:2's image has its file. */
#define DISTRIBUTION_FILE "/etc/docker/registry/config.yml"
#define DISTRIBUTION_ROOT "/var/lib/registry" /* unless it is said */

/* Of something that was said and is not taken over. It never has its value, which may be secret. */
struct distribution_remark {
    char *where;      /* "config.yml:12", or the name of a variable */
    char *path;       /* "storage.s3.bucket" */
    const char *text; /* why */
    bool missing;     /* berth has no equal; else it needs none */
};

struct distribution {
    char *addr;              /* where to listen, "HOST:PORT", HOST may be empty: everywhere */
    char *certificate, *key; /* files; NULL: no TLS */
    char *root;              /* NULL: not said */
    char *htpasswd, *realm;  /* NULL: not said */
    char *token_realm, *token_service, *token_issuer, *token_keys; /* all or none are NULL */
    char *proxy_url, *proxy_user, *proxy_password;                 /* NULL: not said */
    char *log_level;                                               /* of berth; NULL: not said */
    bool deletes, says_deletes, readonly;
    int64_t page_limit; /* 0: not said */
    struct distribution_remark *remarks;
    size_t n_remarks;
};
#define AUTO_DISTRIBUTION __attribute__((cleanup(distribution_free))) struct distribution

/* $REGISTRY_CONFIGURATION_PATH, or else the usual file if it is there, or else NULL. */
const char *distribution_file(void);

/* Reads the file, unless it is NULL, and the variables of an environment, "NAME=VALUE" with NULL at
 * the end. ERR_CONFIG: a value that cannot be, or something that goes with another is not there; it
 * says where and what to do. *distribution is to be {0}; distribution_free afterwards, also after
 * an error. */
int distribution_read(struct distribution *distribution, const char *path,
                      const char *const *environment, struct err *err);
void distribution_free(struct distribution *distribution);

/* ERR_CONFIG names the first remark of what berth has not, and how many there are. */
int distribution_check(const struct distribution *distribution, struct err *err);

/* Appends the remarks as comments of berth.conf, first of what has no equal. */
void distribution_print_remarks(const struct distribution *distribution, struct buf *out);

/* Appends what berth.conf(5) has to say to mean the same: registry:2's defaults first, which
 * `base`, if it is not NULL, a file of berth's own, counts over, and then what was said.
 * ERR_CONFIG: a value cannot stand there. */
int distribution_print(const struct distribution *distribution, const char *base, struct buf *out,
                       struct err *err);

/* Appends, as a comment, the command that serves where that one did, which is no matter of
 * berth.conf. */
void distribution_print_serve(const struct distribution *distribution, struct buf *out);

#endif
