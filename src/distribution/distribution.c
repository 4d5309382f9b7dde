/* SPDX-License-Identifier: Apache-2.0
 * L1: what registry:2's configuration means to berth. */
#include "distribution/distribution.h"

#include "base/array.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "distribution/entries.h"
#include "distribution/environment.h"
#include "distribution/meaning.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define DEFAULT_ADDR ":5000"

static int refuse(const struct entry *entry, const char *must, struct err *err)
{
    AUTO_BUF value = BUF_INIT;

    buf_addstr(&value, "");
    text_add_escaped(&value, entry->value);
    return err_set(err, ERR_CONFIG, "%s: %s = \"%s\": %s", entry->where, entry->path, value.s,
                   must);
}

static void remark(struct distribution *distribution, const struct entry *entry,
                   const struct meaning *meaning)
{
    *ARRAY_ADD(distribution->remarks, distribution->n_remarks) =
        (struct distribution_remark){.where = mem_strdup(entry->where),
                                     .path = mem_strdup(entry->path),
                                     .text = meaning->text,
                                     .missing = meaning->kind != MEANING_NEEDLESS};
}

static void set_text(struct distribution *distribution, const struct meaning *meaning,
                     const char *value)
{
    char **member = (char **)((char *)distribution + meaning->offset);

    free(*member);
    *member = mem_strdup(value);
}

static int set_switch(struct distribution *distribution, const struct meaning *meaning,
                      const struct entry *entry, struct err *err)
{
    bool *member = (bool *)((char *)distribution + meaning->offset);

    return meaning_switch(entry->value, member) ? 0 : refuse(entry, "must be true or false", err);
}

static int set_level(struct distribution *distribution, const struct meaning *meaning,
                     const struct entry *entry, struct err *err)
{
    const char *level = meaning_level(entry->value);

    if (!level)
        return refuse(entry, "must be error, warn, info or debug", err);
    set_text(distribution, meaning, level);
    return 0;
}

static int set_limit(struct distribution *distribution, const struct entry *entry, struct err *err)
{
    if (decimal_parse(entry->value, strlen(entry->value), &distribution->page_limit) &&
        distribution->page_limit >= 1 && distribution->page_limit <= 1000000)
        return 0;
    return refuse(entry, "must be a number from 1 to 1000000", err);
}

/* `auth: htpasswd` alone says which, the rest comes from elsewhere. */
static int name_kind(const struct meaning *meaning, const struct entry *entry, struct err *err)
{
    for (size_t i = 0; meaning->words[i]; i++)
        if (!strcmp(meaning->words[i], entry->value))
            return 0;
    return refuse(entry, meaning->text, err);
}

/* Whether a remark need not be made, as what is said is what berth does. */
static bool is_same(const struct meaning *meaning, const struct entry *entry)
{
    bool is, wanted;

    if (meaning->kind != MEANING_MISSING_UNLESS)
        return false;
    if (meaning_switch(meaning->same, &wanted) && meaning_switch(entry->value, &is))
        return is == wanted;
    return !strcmp(meaning->same, entry->value);
}

static int take(struct distribution *distribution, const struct entry *entry, struct err *err)
{
    const struct meaning *meaning = meaning_of(entry->path);

    if (!entry->value && meaning->kind != MEANING_DRIVER)
        return 0;
    switch (meaning->kind) {
    case MEANING_TEXT:
        set_text(distribution, meaning, entry->value);
        return 0;
    case MEANING_SWITCH:
        return set_switch(distribution, meaning, entry, err);
    case MEANING_LEVEL:
        return set_level(distribution, meaning, entry, err);
    case MEANING_LIMIT:
        return set_limit(distribution, entry, err);
    case MEANING_KIND:
        return name_kind(meaning, entry, err);
    case MEANING_NEEDLESS:
    case MEANING_MISSING:
    case MEANING_MISSING_UNLESS:
    case MEANING_DRIVER:
        break;
    }
    if (!is_same(meaning, entry))
        remark(distribution, entry, meaning);
    return 0;
}

/* The first entry there or below; NULL: there is none. */
static const struct entry *find(const struct entries *entries, const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < entries->n; i++)
        if (!strncmp(entries->v[i].path, path, len) && strchr(".[", entries->v[i].path[len]))
            return &entries->v[i];
    return NULL;
}

/* Of two ways to log in registry:2 takes none. */
static const struct entry *find_auth(const struct entries *entries, const char *kind,
                                     const char *path)
{
    const struct entry *named = find(entries, "auth");
    const struct entry *entry = find(entries, path);

    if (entry)
        return entry;
    return named && named->value && !strcmp(named->path, "auth") && !strcmp(named->value, kind)
               ? named
               : NULL;
}

static int check_auth(const struct distribution *distribution, const struct entries *entries,
                      struct err *err)
{
    const struct entry *htpasswd = find_auth(entries, "htpasswd", "auth.htpasswd");
    const struct entry *token = find_auth(entries, "token", "auth.token");

    if (htpasswd && token)
        return err_set(err, ERR_CONFIG,
                       "%s: auth.htpasswd and auth.token: only one of them can check logins, "
                       "remove the other",
                       token->where);
    if (htpasswd && !distribution->htpasswd)
        return err_set(err, ERR_CONFIG,
                       "%s: auth.htpasswd.path is missing: set REGISTRY_AUTH_HTPASSWD_PATH to the "
                       "file with users and passwords (`htpasswd -Bbn USER PASSWORD` prints its "
                       "lines)",
                       htpasswd->where);
    if (token && (!distribution->token_realm || !distribution->token_service ||
                  !distribution->token_issuer || !distribution->token_keys))
        return err_set(err, ERR_CONFIG,
                       "%s: auth.token needs all of realm, service, issuer and rootcertbundle",
                       token->where);
    return 0;
}

static int check_tls(const struct distribution *distribution, struct err *err)
{
    if (distribution->certificate && !distribution->key)
        return err_set(err, ERR_CONFIG,
                       "http.tls.certificate without http.tls.key: set "
                       "REGISTRY_HTTP_TLS_KEY to the file with the key");
    if (distribution->key && !distribution->certificate)
        return err_set(err, ERR_CONFIG,
                       "http.tls.key without http.tls.certificate: set "
                       "REGISTRY_HTTP_TLS_CERTIFICATE to the file with the certificate");
    return 0;
}

static int check_proxy(const struct distribution *distribution, const struct entries *entries,
                       struct err *err)
{
    const struct entry *entry = find(entries, "proxy.remoteurl");
    const char *url = distribution->proxy_url; /* "": no cache, as for registry:2 */

    if (!url && (distribution->proxy_user || distribution->proxy_password))
        return err_set(
            err, ERR_CONFIG,
            "proxy without proxy.remoteurl: set REGISTRY_PROXY_REMOTEURL to the registry "
            "that is to be cached");
    if (url && *url && strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return refuse(entry, "must be https://HOST", err);
    return 0;
}

static int check_addr(const struct distribution *distribution, const struct entries *entries,
                      struct err *err)
{
    const struct entry *entry = find(entries, "http.addr");
    const char *colon = strrchr(distribution->addr, ':');
    int64_t port;

    if (!entry || (colon && decimal_parse(colon + 1, strlen(colon + 1), &port) && port <= 65535))
        return 0;
    return refuse(entry, "must be HOST:PORT, as 0.0.0.0:5000, or :PORT", err);
}

static int check_root(const struct distribution *distribution, const struct entries *entries,
                      struct err *err)
{
    const struct entry *entry = find(entries, "storage.filesystem.rootdirectory");

    return entry && distribution->root && distribution->root[0] != '/'
               ? refuse(entry, "must be an absolute path", err)
               : 0;
}

static int take_all(struct distribution *distribution, const struct entries *entries,
                    struct err *err)
{
    distribution->addr = mem_strdup(DEFAULT_ADDR);
    for (size_t i = 0; i < entries->n; i++)
        if (take(distribution, &entries->v[i], err) < 0)
            return -1;
    distribution->says_deletes = find(entries, "storage.delete.enabled");
    return check_root(distribution, entries, err) < 0 ||
                   check_addr(distribution, entries, err) < 0 || check_tls(distribution, err) < 0 ||
                   check_proxy(distribution, entries, err) < 0
               ? -1
               : check_auth(distribution, entries, err);
}

static int read_file(struct entries *entries, const char *path, struct err *err)
{
    const struct entries_source source = {.name = path, .under = ""};
    AUTO_BUF text = BUF_INIT;
    struct err why;

    if (!path)
        return 0;
    if (file_read(path, FILE_MAX, &text, &why) < 0)
        return err_set(err, ERR_CONFIG, "%s: %s", path, why.msg);
    return entries_read(entries, &source, text.s ? text.s : "", text.len, err);
}

const char *distribution_file(void)
{
    const char *named = getenv("REGISTRY_CONFIGURATION_PATH");

    if (named && *named)
        return named;
    return access(DISTRIBUTION_FILE, F_OK) == 0 ? DISTRIBUTION_FILE : NULL;
}

int distribution_read(struct distribution *distribution, const char *path,
                      const char *const *environment, struct err *err)
{
    AUTO_ENTRIES entries = {0};

    if (read_file(&entries, path, err) < 0 || environment_add(&entries, environment, err) < 0)
        return -1;
    return take_all(distribution, &entries, err);
}

int distribution_check(const struct distribution *distribution, struct err *err)
{
    const struct distribution_remark *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < distribution->n_remarks; i++) {
        const struct distribution_remark *one = &distribution->remarks[i];
        if (!one->missing)
            continue;
        first = first ? first : one;
        n++;
    }
    if (!first)
        return 0;
    if (n == 1)
        return err_set(err, ERR_CONFIG, "%s: %s: %s", first->where, first->path, first->text);
    return err_set(err, ERR_CONFIG,
                   "%s: %s: %s (the first of %zu settings that have no equal here: `berth config "
                   "import` names them all)",
                   first->where, first->path, first->text, n);
}

void distribution_free(struct distribution *distribution)
{
    char *const texts[] = {
        distribution->addr,        distribution->certificate,   distribution->key,
        distribution->root,        distribution->htpasswd,      distribution->realm,
        distribution->token_realm, distribution->token_service, distribution->token_issuer,
        distribution->token_keys,  distribution->log_level,     distribution->proxy_url,
        distribution->proxy_user,  distribution->proxy_password};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (size_t i = 0; i < distribution->n_remarks; i++) {
        free(distribution->remarks[i].where);
        free(distribution->remarks[i].path);
    }
    free(distribution->remarks);
    *distribution = (struct distribution){0};
}
