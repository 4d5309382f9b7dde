/* SPDX-License-Identifier: Apache-2.0
 * L1: registry:2's settings, one by one. */
#include "distribution/meaning.h"

#include "distribution/distribution.h"

#include <string.h>
#include <strings.h>

#define TEXT(path, member)                                                                         \
    {                                                                                              \
        path, MEANING_TEXT, offsetof(struct distribution, member), NULL, NULL, NULL                \
    }
#define SWITCH(path, member)                                                                       \
    {                                                                                              \
        path, MEANING_SWITCH, offsetof(struct distribution, member), NULL, NULL, NULL              \
    }
#define LEVEL(path)                                                                                \
    {                                                                                              \
        path, MEANING_LEVEL, offsetof(struct distribution, log_level), NULL, NULL, NULL            \
    }
#define ONE_OF(path, words, text)                                                                  \
    {                                                                                              \
        path, MEANING_KIND, 0, NULL, words, text                                                   \
    }
#define REMARK(path, kind, same, text)                                                             \
    {                                                                                              \
        path, kind, 0, same, NULL, text                                                            \
    }
#define NEEDLESS(path, text) REMARK(path, MEANING_NEEDLESS, NULL, text)
#define MISSING(path, text) REMARK(path, MEANING_MISSING, NULL, text)
#define UNLESS(path, same, text) REMARK(path, MEANING_MISSING_UNLESS, same, text)
#define DRIVER(path) REMARK(path, MEANING_DRIVER, NULL, ONLY_FILES)

#define ONLY_FILES "berth keeps images in a directory alone, use storage.filesystem"
#define NO_NOTIFICATIONS "berth calls nobody yet: remove it"
#define NO_CACHE "not needed: berth asks the file system, whose cache the kernel keeps"
#define NO_REDIS                                                                                   \
    "berth needs no cache beside the kernel's: remove it, and the redis if nobody else has it"
#define OWN_METRICS                                                                                \
    "not needed: /metrics and /readyz are at the registry's own address; `metrics` in berth.conf " \
    "says who may see the former"
#define OWN_CHECK "not needed: /readyz asks the data directory each time"

static const char *const drivers[] = {"filesystem", NULL};
static const char *const logins[] = {"htpasswd", "token", NULL};

/* The first that fits counts. */
static const struct meaning meanings[] = {
    NEEDLESS("version", "not needed"),

    ONE_OF("storage", drivers, ONLY_FILES),
    TEXT("storage.filesystem.rootdirectory", root),
    NEEDLESS("storage.filesystem.maxthreads", "not needed: requests are as many as workers"),
    SWITCH("storage.delete.enabled", deletes),
    SWITCH("storage.maintenance.readonly.enabled", readonly),
    SWITCH("storage.maintenance.readonly", readonly),
    NEEDLESS("storage.maintenance.uploadpurging*",
             "not needed: berth gc drops uploads that nobody went on with"),
    NEEDLESS("storage.redirect.*", "not needed: nothing is redirected"),
    UNLESS("storage.cache.blobdescriptor", "inmemory", NO_REDIS),
    UNLESS("storage.cache.layerinfo", "inmemory", NO_REDIS),
    NEEDLESS("storage.cache.*", NO_CACHE),
    NEEDLESS("storage.tag.*", "not needed: tags are read in order"),
    DRIVER("storage.*"),
    MISSING("redis*", NO_REDIS),

    TEXT("http.addr", addr),
    TEXT("http.tls.certificate", certificate),
    TEXT("http.tls.key", key),
    UNLESS("http.tls.minimumtls", "tls1.2", "berth serves TLS 1.2 and newer"),
    MISSING("http.tls.letsencrypt.*",
            "berth gets no certificates: let certbot or a web server do it"),
    MISSING("http.tls.clientcas*",
            "berth serve asks for no certificates of clients: run berth behind a web server"),
    MISSING("http.tls.*", "run berth behind a web server, which can be told so"),
    UNLESS("http.net", "tcp", "berth serve listens on TCP alone: run it behind a web server"),
    UNLESS("http.prefix", "/", "berth serves at /v2/ alone"),
    NEEDLESS("http.host", "not needed: berth names no host in its answers"),
    NEEDLESS("http.relativeurls", "not needed: URLs are always relative"),
    NEEDLESS("http.secret", "not needed: uploads are known by what is on disk"),
    NEEDLESS("http.draintimeout", "not needed: what is under way is finished"),
    NEEDLESS("http.http2.*", "not needed: docker and podman speak HTTP/1.1"),
    UNLESS("http.headers.X-Content-Type-Options[0]", "nosniff", "berth says nosniff"),
    MISSING("http.headers.Access-Control-Allow-*", "say cors = {\"ORIGIN\"} in berth.conf"),
    MISSING("http.headers.*", "run berth behind a web server, which can add it"),
    NEEDLESS("http.debug.addr", OWN_METRICS),
    NEEDLESS("http.debug.prometheus.*", OWN_METRICS),
    MISSING("http.debug.*", "berth has no debug server: remove it, /livez and /readyz are there"),

    ONE_OF("auth", logins, "must be htpasswd or token"),
    TEXT("auth.htpasswd.path", htpasswd),
    TEXT("auth.htpasswd.realm", realm),
    TEXT("auth.token.realm", token_realm),
    TEXT("auth.token.service", token_service),
    TEXT("auth.token.issuer", token_issuer),
    TEXT("auth.token.rootcertbundle", token_keys),
    UNLESS("auth.token.autoredirect", "false", "say the whole address in auth.token.realm"),
    MISSING("auth.token.*", "berth takes the keys from rootcertbundle, a file of PEM or a JWKS"),
    MISSING("auth.silly.*", "berth lets nobody in for the asking"),
    MISSING("auth.*", "berth checks logins by htpasswd or token"),

    LEVEL("log.level"),
    LEVEL("loglevel"),
    NEEDLESS("log.formatter", "not needed: lines are text"),
    NEEDLESS("log.fields.*", "not needed"),
    NEEDLESS("log.accesslog.*", "not needed: berth serve keeps no log of requests"),
    NEEDLESS("log.reportcaller", "not needed"),
    MISSING("log.hooks*", "berth sends no mail: watch its log"),

    {"catalog.maxentries", MEANING_LIMIT, 0, NULL, NULL, NULL},
    NEEDLESS("health.storagedriver.*", OWN_CHECK),
    MISSING("health.*", "berth asks nothing but its own data directory"),
    UNLESS("compatibility.schema1.enabled", "false", "berth takes no manifests of schema 1"),
    NEEDLESS("compatibility.schema1.*", "not needed: berth takes no manifests of schema 1"),
    NEEDLESS("notifications.events.*", "not needed: nobody is called"),
    MISSING("notifications*", NO_NOTIFICATIONS),
    TEXT("proxy.remoteurl", proxy_url),
    TEXT("proxy.username", proxy_user),
    TEXT("proxy.password", proxy_password),
    NEEDLESS("proxy.ttl",
             "not needed: what is cached is asked about again, and goes by berth retain"),
    MISSING("proxy.*", "say password_file in an upstream section of berth.conf"),
    UNLESS("validation.disabled", "false", "berth always looks at what a manifest names"),
    UNLESS("validation.enabled", "true", "berth always looks at what a manifest names"),
    MISSING("validation.*", "berth has no rules for addresses or platforms in manifests"),
    MISSING("policy.*", "berth has no rules for kinds of repositories"),
    MISSING("middleware*", "berth has no middleware"),
    MISSING("reporting.*", "berth reports to nobody: watch its log"),
    MISSING("*", "berth knows no such setting: is it spelt right?"),
};

static bool fits(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);

    if (pattern[len - 1] == '*')
        return !strncmp(pattern, path, len - 1);
    return !strcmp(pattern, path);
}

const struct meaning *meaning_of(const char *path)
{
    const struct meaning *meaning = meanings;

    while (!fits(meaning->path, path))
        meaning++;
    return meaning;
}

static bool is_one_of(const char *value, const char *const *words)
{
    for (; *words; words++)
        if (!strcasecmp(value, *words))
            return true;
    return false;
}

bool meaning_switch(const char *value, bool *on)
{
    static const char *const yes[] = {"true", "yes", "on", "y", NULL};
    static const char *const no[] = {"false", "no", "off", "n", NULL};

    *on = is_one_of(value, yes);
    return *on || is_one_of(value, no);
}

const char *meaning_level(const char *value)
{
    static const char *const levels[][2] = {
        {"error", "error"}, {"warn", "warning"}, {"warning", "warning"},
        {"info", "info"},   {"debug", "debug"},
    };

    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (!strcasecmp(value, levels[i][0]))
            return levels[i][1];
    return NULL;
}
