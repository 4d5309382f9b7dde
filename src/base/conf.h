/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration, berth.conf(5): read once with libconfuse (which nobody else includes), then
 * each key from the environment variable BERTH_<KEY> where that is set. Sections stand in the file
 * only.
 */
#ifndef BERTH_BASE_CONF_H
#define BERTH_BASE_CONF_H

#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum conf_durability {
    CONF_DURABILITY_FULL,
    CONF_DURABILITY_NONE
}; /* fsync what was acknowledged */
enum conf_sendfile { CONF_SENDFILE_OFF, CONF_SENDFILE_X_SENDFILE, CONF_SENDFILE_X_ACCEL };

enum conf_remote_user { CONF_REMOTE_USER_AUTO, CONF_REMOTE_USER_TRUST, CONF_REMOTE_USER_IGNORE };

/* group "NAME" { members = {...} } */
struct conf_group {
    char *name;
    struct settings_place place;
    struct strings members; /* users */
};

/* repository "GLOB" { ... }: see auth/policy.h for what it means. */
struct conf_repository {
    char *pattern;
    struct settings_place place;
    struct strings pull, push, remove, admin;
    struct strings immutable; /* globs of tags */
    bool readonly;
    bool sparse; /* what its manifests name need not be there */
};

/* issuer "ISS" { keys = FILE  audience = TEXT  prefix = TEXT }: an external token server. */
struct conf_issuer {
    char *iss;
    struct settings_place place;
    char *keys;     /* PEM or JWKS file */
    char *audience; /* "": token_service */
    char *prefix;   /* before the names of its users */
};

/* retain "GLOB" { ... }: see registry/retain.h for what it means. */
struct conf_retain {
    char *pattern;
    struct settings_place place;
    int64_t newest;      /* 0: not said */
    struct strings tags; /* globs */
    struct settings_age younger, pulled;
    struct settings_age untagged; /* may be forever */
};

struct conf {
    struct strings
        files;  /* that were read: the configuration, if there is one, and what it includes */
    char *root; /* data directory, absolute */
    enum conf_durability durability;
    enum conf_sendfile sendfile;
    char *sendfile_prefix; /* URL path of nginx' internal location, ends in a slash */
    mode_t file_mode;
    mode_t dir_mode;
    int64_t manifest_limit; /* bytes */
    int64_t upload_limit;   /* open uploads of one user in one repository; 0: any number */
    int64_t lock_timeout;   /* seconds */
    int64_t page_limit;     /* entries in one page of a listing */
    int64_t grace;          /* seconds for which the collector leaves new and touched blobs alone */
    enum log_level log_level;

    struct strings cors;         /* origins whose pages may use the registry; "*": all, as nobody */
    struct strings socket_users; /* who may connect to the FastCGI socket; none: whoever can */
    enum conf_remote_user remote_user;
    char *htpasswd;           /* "": berth checks no passwords, the web server may */
    char *realm;              /* of berth's own Basic challenge */
    int64_t credential_cache; /* seconds for which a verified password is remembered */
    char *token_keys;         /* directory of signing keys; "": no token endpoint */
    char *token_realm;        /* absolute URL of the token endpoint; "": from the request */
    char *token_service;      /* audience of the tokens */
    int64_t token_lifetime;   /* seconds */
    char *groups_file;        /* Apache's group file; "": none */
    bool readonly;            /* no pushes, no deletes */
    bool shared;              /* several hosts serve the store: store/storage.h */

    struct conf_group *groups;
    size_t n_groups;
    struct conf_repository *repositories; /* in the order of the file */
    size_t n_repositories;
    struct conf_issuer *issuers;
    size_t n_issuers;
    struct conf_retain *retains; /* in the order of the file */
    size_t n_retains;
};

/* Reads path, or where it is NULL $BERTH_CONF, or else SETTINGS_FALLBACK if there is one.
 * ERR_CONFIG names file, line and remedy. conf_free afterwards, also after an error. */
int conf_load(struct conf *conf, const char *path, struct err *err);
void conf_free(struct conf *conf);

/* The configuration itself; NULL: there is none. */
const char *conf_path(const struct conf *conf);

/* Whether berth itself checks logins: passwords, its own tokens, or others'. Else whoever the web
 * server lets in is in. */
bool conf_checks_logins(const struct conf *conf);

/* Whether a user whom the web server names is that user. By default not where no web server is to
 * check logins: where berth has passwords of its own, or all come with tokens of an issuer. */
bool conf_trusts_server(const struct conf *conf);

#endif
