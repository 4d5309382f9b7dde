/* SPDX-License-Identifier: Apache-2.0
 * L1: registry:2's environment. */
#include "distribution/environment.h"

#include "base/buf.h"
#include "base/strings.h"
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool ends_in(const char *name, size_t len, const char *end)
{
    size_t n = strlen(end);

    return len >= n && !memcmp(name + len - n, end, n);
}

/* As "REGISTRY_PORT_5000_TCP_ADDR" of docker's links, and "REGISTRY_SERVICE_PORT_HTTP". */
static bool is_of_service(const char *name, size_t len)
{
    const char *port = strstr(name, "_PORT_");
    const char *service = strstr(name, "_SERVICE_PORT_");

    return ends_in(name, len, "_SERVICE_HOST") || ends_in(name, len, "_PORT") ||
           (service && service < name + len) ||
           (port && port < name + len && isdigit((unsigned char)port[strlen("_PORT_")])) ||
           !strncmp(name, "REGISTRY_ENV_", strlen("REGISTRY_ENV_")) ||
           !strncmp(name, "REGISTRY_NAME=", strlen("REGISTRY_NAME="));
}

/* Of an empty variable nothing is taken, but for the one that turns off what the file has. */
static bool is_off(const char *variable)
{
    return !strcmp(variable, "REGISTRY_PROXY_REMOTEURL=");
}

static bool is_setting(const char *variable)
{
    size_t len = strcspn(variable, "=");

    return !strncmp(variable, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) &&
           len > strlen(ENVIRONMENT_PREFIX) && variable[len] &&
           (variable[len + 1] || is_off(variable)) && !is_of_service(variable, len) &&
           strncmp(variable,
                   "REGISTRY_CONFIGURATION_PATH=", strlen("REGISTRY_CONFIGURATION_PATH=")) != 0;
}

static int add_one(struct entries *entries, const char *variable, struct err *err)
{
    size_t len = strcspn(variable, "=");
    const char *value = is_off(variable) ? "''" : variable + len + 1;
    AUTO_BUF raw = BUF_INIT;
    AUTO_BUF name = BUF_INIT;
    AUTO_BUF path = BUF_INIT;

    /* Whoever names it in a line of its own is not to be led out of it. */
    buf_add(&raw, variable, len);
    text_add_escaped(&name, raw.s);
    for (const char *c = name.s + strlen(ENVIRONMENT_PREFIX); *c; c++)
        buf_addc(&path, *c == '_' ? '.' : (char)tolower((unsigned char)*c));
    const struct entries_source source = {.name = name.s, .under = path.s};
    entries_remove(entries, path.s);
    return entries_read(entries, &source, value, strlen(value), err);
}

int environment_add(struct entries *entries, const char *const *environment, struct err *err)
{
    AUTO_STRINGS settings = {0};

    for (; *environment; environment++)
        if (is_setting(*environment))
            strings_add(&settings, *environment);
    /* REGISTRY_AUTH before REGISTRY_AUTH_HTPASSWD_PATH, which says more of the same. */
    strings_sort(&settings);
    for (size_t i = 0; i < settings.n; i++)
        if (add_one(entries, settings.v[i], err) < 0)
            return -1;
    return 0;
}
