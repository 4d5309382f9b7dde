/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of upstreams, berth.conf(5): registries whose images are cached here, and by which
 * names. A cached repository is an ordinary one below its upstream's prefix:
 * docker.io/library/nginx.
 *
 * A client names one by that, or as in its own registry with `ns` (OCI Distribution Specification,
 * "Registry Proxying"), which is looked up here and never dialled, or, where the upstream is the
 * `default`, by nothing else.
 */
#ifndef BERTH_CACHE_UPSTREAM_H
#define BERTH_CACHE_UPSTREAM_H

#include "base/settings.h"
#include "oci/name.h"
#include "oci/tag.h"

enum upstream_stale {
    UPSTREAM_STALE_ERRORS, /* what is cached is served when the upstream fails */
    UPSTREAM_STALE_ALWAYS, /* and when it says that there is no such thing any more */
    UPSTREAM_STALE_NEVER,
};

/* upstream "NAME" { ... } */
struct upstream {
    char *title; /* the registry's name, which clients send as `ns` */
    struct settings_place place;
    struct strings urls;                 /* "https://HOST[:PORT]", tried in turn */
    char *prefix;                        /* of repositories; "": none; NULL: the title */
    struct strings names;                /* other values of `ns` for it */
    char *user;                          /* "": nobody */
    char *password;                      /* in the configuration itself; "": in the file */
    char *password_file;                 /* "" without a user */
    char *helper;                        /* a program that knows both (remote/helper.h); "": none */
    struct settings_age helper_lifetime; /* for which its answer holds */
    char *ca;                            /* a file; "": those of the system */
    char *certificate, *key;             /* of this client, files; "": none */
    struct strings realms;               /* further hosts that may give out its tokens */
    unsigned tls;                        /* whether its certificate is checked: 0 no, 1 yes */
    bool is_default;                     /* names that nobody here has are its */
    struct strings only;                 /* globs of its repositories; none: all */
    struct strings except;               /* and of those that are not */
    struct settings_age revalidate;
    struct strings immutable; /* globs of tags that never move */
    enum upstream_stale stale;
    int64_t rate;        /* bytes a second of each fill at most; 0: as they come */
    int64_t connections; /* fills at once, by all processes of a host */
};

struct upstream_settings {
    struct upstream *v;
    size_t n;
    struct strings private; /* globs of repositories that are never looked for elsewhere */
    struct strings own;     /* values of `ns` that mean this registry itself */
    int64_t streams;        /* cold blobs that are sent at once; 0: by the workers */
};
extern const struct settings_table upstream_table;

/* What the table cannot know of a row alone. ERR_CONFIG with file, line and remedy. */
int upstream_check(const struct upstream_settings *settings, struct err *err);

/* Of repositories, "" where all are. */
const char *upstream_prefix(const struct upstream *upstream);
/* Seconds for which an answer about a tag counts. */
int64_t upstream_revalidate(const struct upstream *upstream);
bool upstream_is_immutable(const struct upstream *upstream, const struct tag *tag);

/* Where a repository comes from. */
struct origin {
    const struct upstream *upstream;
    struct name remote; /* as it is called there */
};

/* Whose the repository is, by its name here. False: it is nobody's but ours. *origin may be NULL.
 */
bool upstream_find(const struct upstream_settings *settings, const struct name *name,
                   struct origin *origin);
/* Whether this upstream has the repository for us, by `only` and `except`. */
bool upstream_serves(const struct origin *origin);

/* How a client's name for a repository is called here: *name changes to it. ns: what he sent, or
 * NULL; host: by which name he calls this registry; exists: whether there is such a repository
 * here, asked only where it matters. NAME_UNKNOWN: nobody knows this ns. */
typedef bool upstream_exists_fn(const void *context, const struct name *name);
int upstream_resolve(const struct upstream_settings *settings, const char *ns, const char *host,
                     upstream_exists_fn *exists, const void *context, struct name *name,
                     struct err *err);

/* Globs of the repositories that are cached, whose manifests may name what is not here yet, and of
 * those of them that are not, since they are `private`. */
void upstream_globs(const struct upstream_settings *settings, struct strings *cached,
                    struct strings *own);

#endif
