/* SPDX-License-Identifier: Apache-2.0
 * L2: whether the environment names a proxy for a URL. */
#include "remote/proxy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *environment(const char *name, const char *other)
{
    const char *value = getenv(name);

    if (!value || !*value)
        value = other ? getenv(other) : NULL;
    return value && *value ? value : NULL;
}

/* Whether the host is what len bytes at s name, or is below it. */
static bool is_named(const char *host, const char *s, size_t len)
{
    size_t host_len = strlen(host);

    if (len > 0 && *s == '.') {
        s++;
        len--;
    }
    if (len > 1 && *s == '[' && s[len - 1] == ']') {
        s++;
        len -= 2;
    }
    return len > 0 && len <= host_len && !strncasecmp(host + host_len - len, s, len) &&
           (len == host_len || host[host_len - len - 1] == '.');
}

static bool is_excepted(const char *host)
{
    const char *list = environment("no_proxy", "NO_PROXY");

    if (list && !strcmp(list, "*"))
        return true;
    while (list && *list) {
        list += strspn(list, ", ");
        size_t len = strcspn(list, ", ");
        if (is_named(host, list, len))
            return true;
        list += len;
    }
    return false;
}

bool proxy_is_used(const struct url *url)
{
    const char *proxy =
        url->is_https ? environment("https_proxy", "HTTPS_PROXY") : environment("http_proxy", NULL);

    if (!proxy)
        proxy = environment("all_proxy", "ALL_PROXY");
    return proxy && !is_excepted(url->host);
}
