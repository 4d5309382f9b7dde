/* SPDX-License-Identifier: Apache-2.0
 * L3: the table of upstreams. */
#include "cache/upstream.h"

#include "base/file.h"
#include "oci/glob.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REVALIDATE_SECONDS 60
#define HUB "docker.io"
#define OFFICIAL "library/"

static bool is_url(const char *value, const char **must)
{
    const char *host = strncmp(value, "https://", 8) == 0  ? value + 8
                       : strncmp(value, "http://", 7) == 0 ? value + 7
                                                           : NULL;

    *must = "must be https://HOST or https://HOST:PORT, with nothing behind it";
    if (host && strchr(host, '@'))
        *must = "must not hold a password: say user and password_file";
    return host && *host && !host[strcspn(host, "/?#@ ")];
}

static bool is_prefix(const char *value, const char **must)
{
    struct name name;

    *must = "must be a repository name as docker.io, or nothing at all";
    return !*value || name_parse(&name, value, strlen(value), NULL) == 0;
}

static bool is_glob_of_names(const char *value, const char **must)
{
    *must = "can match no repository";
    return glob_can_match_name(value);
}

static bool is_glob_of_tags(const char *value, const char **must)
{
    *must = "can match no tag";
    return glob_can_match_tag(value);
}

static const char *const stales[] = {"errors", "always", "never", NULL};
static const char *const truth[] = {"false", "true", NULL};

static const struct settings_key upstream_keys[] = {
    SETTINGS_CHECKED_LIST(struct upstream, urls, "url", is_url),
    SETTINGS_TEXT(struct upstream, prefix, "prefix", NULL, is_prefix),
    SETTINGS_LIST(struct upstream, names, "names"),
    SETTINGS_TEXT(struct upstream, user, "user", "", NULL),
    SETTINGS_TEXT(struct upstream, password_file, "password_file", "", NULL),
    SETTINGS_TEXT(struct upstream, password, "password", "", NULL),
    SETTINGS_TEXT(struct upstream, helper, "helper", "", NULL),
    SETTINGS_AGE(struct upstream, helper_lifetime, "helper_lifetime", false),
    SETTINGS_TEXT(struct upstream, ca, "ca", "", NULL),
    SETTINGS_TEXT(struct upstream, certificate, "certificate", "", NULL),
    SETTINGS_TEXT(struct upstream, key, "key", "", NULL),
    SETTINGS_LIST(struct upstream, realms, "realms"),
    SETTINGS_CHOICE(struct upstream, tls, "tls_verify", "true", truth),
    SETTINGS_SWITCH(struct upstream, is_default, "default", "false"),
    SETTINGS_CHECKED_LIST(struct upstream, only, "only", is_glob_of_names),
    SETTINGS_CHECKED_LIST(struct upstream, except, "except", is_glob_of_names),
    SETTINGS_AGE(struct upstream, revalidate, "revalidate", true),
    SETTINGS_CHECKED_LIST(struct upstream, immutable, "immutable", is_glob_of_tags),
    SETTINGS_CHOICE(struct upstream, stale, "stale", "errors", stales),
    SETTINGS_NUMBER(struct upstream, rate, "rate", "0", 0, INT64_C(1) << 40),
    SETTINGS_NUMBER(struct upstream, connections, "connections", "16", 1, 1000),
    SETTINGS_END,
};

static const struct settings_key keys[] = {
    SETTINGS_CHECKED_LIST(struct upstream_settings, private, "private", is_glob_of_names),
    SETTINGS_LIST(struct upstream_settings, own, "own_names"),
    SETTINGS_NUMBER(struct upstream_settings, streams, "cache_streams", "0", 0, 10000),
    SETTINGS_END,
};

static const struct settings_section sections[] = {
    SETTINGS_SECTION(struct upstream_settings, v, n, struct upstream, title, "upstream",
                     upstream_keys),
    SETTINGS_SECTIONS_END,
};

const struct settings_table upstream_table =
    SETTINGS_TABLE(struct upstream_settings, keys, sections);

const char *upstream_prefix(const struct upstream *upstream)
{
    return upstream->prefix ? upstream->prefix : upstream->title;
}

int64_t upstream_revalidate(const struct upstream *upstream)
{
    return upstream->revalidate.text ? upstream->revalidate.seconds : REVALIDATE_SECONDS;
}

bool upstream_is_immutable(const struct upstream *upstream, const struct tag *tag)
{
    return glob_any_matches(&upstream->immutable, tag->s);
}

static int wrong(const struct upstream *upstream, const char *what, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s:%d: upstream \"%s\": %s", upstream->place.file,
                   upstream->place.line, upstream->title, what);
}

static int check_one(const struct upstream *upstream, struct err *err)
{
    const char *must;

    if (!*upstream->title)
        return wrong(upstream, "its name is what clients send as ns, such as docker.io", err);
    if (!upstream->urls.n)
        return wrong(upstream, "url is missing: url = {\"https://HOST\"}", err);
    if (!is_prefix(upstream_prefix(upstream), &must))
        return wrong(upstream, "its name can be no prefix of repositories: say prefix", err);
    bool has_password = *upstream->password_file || *upstream->password;
    if (*upstream->user && !has_password)
        return wrong(upstream, "user without password_file, a file with the password", err);
    if (!*upstream->user && has_password)
        return wrong(upstream, "a password without user", err);
    if (*upstream->password_file && *upstream->password)
        return wrong(upstream, "password and password_file: say one of them", err);
    if (*upstream->helper && *upstream->user)
        return wrong(upstream, "helper brings a user of its own: remove one", err);
    if (upstream->helper_lifetime.text && !*upstream->helper)
        return wrong(upstream, "helper_lifetime without helper", err);
    if (!*upstream->certificate != !*upstream->key)
        return wrong(upstream, "certificate and key go together", err);
    if (!upstream->tls && *upstream->ca)
        return wrong(upstream, "ca says what to trust, but tls_verify is false: remove one", err);
    return 0;
}

static bool has_ns(const struct upstream *upstream, const char *ns)
{
    if (!strcasecmp(upstream->title, ns))
        return true;
    for (size_t i = 0; i < upstream->names.n; i++)
        if (!strcasecmp(upstream->names.v[i], ns))
            return true;
    /* Three names of one registry, which clients use. */
    return !strcasecmp(upstream->title, HUB) &&
           (!strcasecmp(ns, "index." HUB) || !strcasecmp(ns, "registry-1." HUB));
}

static int check_pair(const struct upstream *one, const struct upstream *other, struct err *err)
{
    const char *what = NULL;

    if (!strcmp(upstream_prefix(one), upstream_prefix(other)))
        what = "has the prefix of another";
    if (one->is_default && other->is_default)
        what = "is default, as another is";
    if (has_ns(other, one->title))
        what = "its name is one of another, too";
    for (size_t i = 0; i < one->names.n; i++)
        if (has_ns(other, one->names.v[i]))
            what = "one of its names is one of another, too";
    return what ? wrong(one, what, err) : 0;
}

int upstream_check(const struct upstream_settings *settings, struct err *err)
{
    for (size_t i = 0; i < settings->n; i++) {
        if (check_one(&settings->v[i], err) < 0)
            return -1;
        for (size_t k = 0; k < i; k++)
            if (check_pair(&settings->v[i], &settings->v[k], err) < 0)
                return -1;
    }
    return 0;
}

/* What stands behind the prefix; NULL: another prefix. */
static const char *behind(const struct upstream *upstream, const char *name)
{
    const char *prefix = upstream_prefix(upstream);
    size_t len = strlen(prefix);

    if (len == 0)
        return name;
    return !strncmp(name, prefix, len) && name[len] == '/' ? name + len + 1 : NULL;
}

/* The longest prefix counts. */
static const struct upstream *find_prefix(const struct upstream_settings *settings,
                                          const struct name *name, const char **rest)
{
    const struct upstream *best = NULL;

    for (size_t i = 0; i < settings->n; i++) {
        const struct upstream *upstream = &settings->v[i];
        const char *text = behind(upstream, name->s);
        if (!text || (best && strlen(upstream_prefix(best)) > strlen(upstream_prefix(upstream))))
            continue;
        best = upstream;
        *rest = text;
    }
    return best;
}

static bool is_hub(const struct upstream *upstream)
{
    return has_ns(upstream, HUB);
}

bool upstream_find(const struct upstream_settings *settings, const struct name *name,
                   struct origin *origin)
{
    const char *rest;

    if (settings->n == 0 || glob_any_matches(&settings->private, name->s))
        return false;
    const struct upstream *upstream = find_prefix(settings, name, &rest);
    if (!upstream)
        return false;
    if (origin)
        origin->upstream = upstream;
    return !origin || name_parse(&origin->remote, rest, strlen(rest), NULL) == 0;
}

bool upstream_serves(const struct origin *origin)
{
    const struct upstream *upstream = origin->upstream;

    return (!upstream->only.n || glob_any_matches(&upstream->only, origin->remote.s)) &&
           !glob_any_matches(&upstream->except, origin->remote.s);
}

/* "nginx" of Docker Hub is "library/nginx" (distribution/reference, "familiar names"). */
static int add_prefix(const struct upstream *upstream, const char *rest, struct name *name,
                      struct err *err)
{
    char text[2 * NAME_LEN_MAX + sizeof OFFICIAL];
    const char *prefix = upstream_prefix(upstream);
    bool is_official = is_hub(upstream) && !strchr(rest, '/');

    int len = snprintf(text, sizeof text, "%s%s%s%s", prefix, *prefix ? "/" : "",
                       is_official ? OFFICIAL : "", rest);
    return name_parse(name, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1, err);
}

static const struct upstream *by_ns(const struct upstream_settings *settings, const char *ns)
{
    for (size_t i = 0; i < settings->n; i++)
        if (has_ns(&settings->v[i], ns))
            return &settings->v[i];
    return NULL;
}

static const struct upstream *find_default(const struct upstream_settings *settings)
{
    for (size_t i = 0; i < settings->n; i++)
        if (settings->v[i].is_default)
            return &settings->v[i];
    return NULL;
}

/* This registry's own name, with or without a port. */
static bool is_own(const struct upstream_settings *settings, const char *ns, const char *host)
{
    if (host && (!strcasecmp(ns, host) ||
                 (!strncasecmp(ns, host, strlen(ns)) && strlen(ns) == strcspn(host, ":"))))
        return true;
    for (size_t i = 0; i < settings->own.n; i++)
        if (!strcasecmp(ns, settings->own.v[i]))
            return true;
    return false;
}

/* By the upstream's own name for it. The prefix of another may stand below its prefix. */
static int resolve_in(const struct upstream_settings *settings, const struct upstream *upstream,
                      struct name *name, struct err *err)
{
    const struct name asked = *name;
    struct origin origin;

    if (add_prefix(upstream, asked.s, name, err) < 0)
        return -1;
    if (!upstream_find(settings, name, &origin) || origin.upstream == upstream)
        return 0;
    return err_set(err, ERR_NAME_UNKNOWN, "%s of %s is not cached: %s is of %s here", asked.s,
                   upstream->title, name->s, origin.upstream->title);
}

static int resolve_ns(const struct upstream_settings *settings, const char *ns, const char *host,
                      struct name *name, struct err *err)
{
    const struct upstream *upstream = by_ns(settings, ns);

    if (upstream)
        return resolve_in(settings, upstream, name, err);
    return is_own(settings, ns, host)
               ? 0
               : err_set(err, ERR_NAME_UNKNOWN, "nothing is cached here of \"%s\"", ns);
}

int upstream_resolve(const struct upstream_settings *settings, const char *ns, const char *host,
                     upstream_exists_fn *exists, const void *context, struct name *name,
                     struct err *err)
{
    const char *rest;
    const struct name asked = *name;

    if (settings->n == 0)
        return 0;
    if (ns && *ns)
        return resolve_ns(settings, ns, host, name, err);
    if (glob_any_matches(&settings->private, name->s))
        return 0;
    const struct upstream *upstream = find_prefix(settings, &asked, &rest);
    if (upstream)
        return add_prefix(upstream, rest, name, err);
    upstream = find_default(settings);
    if (!upstream || exists(context, &asked))
        return 0;
    return resolve_in(settings, upstream, name, err);
}

void upstream_globs(const struct upstream_settings *settings, struct strings *cached,
                    struct strings *own)
{
    for (size_t i = 0; i < settings->private.n; i++)
        strings_add(own, settings->private.v[i]);
    for (size_t i = 0; i < settings->n; i++) {
        char glob[NAME_LEN_MAX + 4];
        const char *prefix = upstream_prefix(&settings->v[i]);
        snprintf(glob, sizeof glob, "%s%s**", prefix, *prefix ? "/" : "");
        strings_add(cached, glob);
    }
}
