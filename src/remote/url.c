/* SPDX-License-Identifier: Apache-2.0
 * L2: URLs of other hosts. */
#include "remote/url.h"

#include "base/decimal.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
#define V6_CHARACTERS "abcdefABCDEF0123456789:."

static bool is_printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '\\')
            return false;
    return true;
}

/* The host at s; what is behind it, or NULL. */
static const char *take_host(struct url *url, const char *s)
{
    bool is_v6 = *s == '[';

    s += is_v6;
    size_t len = strspn(s, is_v6 ? V6_CHARACTERS : HOST_CHARACTERS);
    if (len == 0 || len > URL_HOST_MAX || (is_v6 && s[len] != ']'))
        return NULL;
    for (size_t i = 0; i < len; i++)
        url->host[i] = (char)tolower((unsigned char)s[i]);
    url->host[len] = '\0';
    return s + len + is_v6;
}

static const char *take_port(struct url *url, const char *s)
{
    int64_t port = url->is_https ? 443 : 80;

    if (*s == ':') {
        size_t len = strspn(++s, DIGITS);
        if (len > 0 && (!decimal_parse(s, len, &port) || port < 1 || port > 65535))
            return NULL;
        s += len;
    }
    url->port = (int)port;
    return s;
}

bool url_parse(struct url *url, const char *text)
{
    const char *s = text;

    *url = (struct url){0};
    if (!strncasecmp(s, "https://", 8)) {
        url->is_https = true;
        s += 8;
    } else if (!strncasecmp(s, "http://", 7)) {
        s += 7;
    } else {
        return false;
    }
    s = is_printable(s) ? take_host(url, s) : NULL;
    s = s ? take_port(url, s) : NULL;
    if (!s || !strchr("/?#", *s)) /* the end, too */
        return false;
    url->path = s;
    return true;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->is_https == b->is_https && a->port == b->port && !strcmp(a->host, b->host);
}

bool url_resolve(const char *base, const char *location, struct buf *out)
{
    struct url from, to;
    AUTO_BUF text = BUF_INIT;

    if (!url_parse(&from, base))
        return false;
    size_t path_len = strcspn(from.path, "?#");
    if (!strncasecmp(location, "http://", 7) || !strncasecmp(location, "https://", 8)) {
        buf_addstr(&text, location);
    } else if (!strncmp(location, "//", 2)) {
        buf_addf(&text, "%s:%s", from.is_https ? "https" : "http", location);
    } else if (*location == '/') {
        buf_add(&text, base, (size_t)(from.path - base));
        buf_addstr(&text, location);
    } else if (*location == '?') {
        buf_add(&text, base, (size_t)(from.path - base) + path_len);
        buf_addstr(&text, location);
    } else if (*location && !memchr(location, ':', strcspn(location, "/?#"))) {
        while (path_len > 0 && from.path[path_len - 1] != '/')
            path_len--;
        buf_add(&text, base, (size_t)(from.path - base) + path_len);
        buf_addf(&text, "%s%s", path_len == 0 ? "/" : "", location);
    } else {
        return false;
    }
    text.s[strcspn(text.s, "#")] = '\0';
    if (!url_parse(&to, text.s))
        return false;
    buf_addstr(out, text.s);
    return true;
}

void url_show(const char *text, struct buf *out)
{
    struct url url;

    if (!url_parse(&url, text)) {
        buf_addstr(out, "(no URL)");
        return;
    }
    buf_add(out, text, (size_t)(url.path - text) + strcspn(url.path, "?#"));
}
