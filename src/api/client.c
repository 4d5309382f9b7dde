/* SPDX-License-Identifier: Apache-2.0
 * L4: where a request comes from. */
#include "api/client.h"

#include "base/net.h"

#include <string.h>

bool client_is_network(const char *value, const char **must)
{
    struct net net;

    *must = "must be an address, or a network like 10.0.0.0/8";
    return net_parse(&net, value);
}

static const struct settings_key keys[] = {
    SETTINGS_CHECKED_LIST(struct client_settings, trusted_proxies, "trusted_proxies",
                          client_is_network),
    SETTINGS_END,
};

const struct settings_table client_table = SETTINGS_TABLE(struct client_settings, keys, NULL);

bool client_is_in(const char *address, const struct strings *networks)
{
    struct net net;

    for (size_t i = 0; address && i < networks->n; i++)
        if (net_parse(&net, networks->v[i]) && net_has(&net, address))
            return true;
    return false;
}

/* The last element of a list that ends at *len, which then ends before it. With a port, or in
 * brackets, it is an address still. */
static char *last_of(struct request *request, const char *list, size_t *len)
{
    size_t end = *len, begin;

    while (end > 0 && strchr(" \t", list[end - 1]))
        end--;
    for (begin = end; begin > 0 && list[begin - 1] != ','; begin--)
        ;
    *len = begin ? begin - 1 : 0;
    begin += strspn(list + begin, " \t");
    if (begin > end)
        begin = end;
    char *text = arena_strndup(&request->arena, list + begin, end - begin);
    if (*text == '[') {
        text++;
        text[strcspn(text, "]")] = '\0';
    } else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
        *strchr(text, ':') = '\0';
    }
    return text;
}

/* Whether who stands between says of it, in ways that nobody here believes. */
static bool has_trace(const struct request *request)
{
    static const char *const headers[] = {"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED",
                                          "HTTP_X_REAL_IP", "HTTP_VIA"};

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (request_header(request, headers[i]))
            return true;
    return false;
}

/* False: it may be that of a proxy. Of a list in several variables no order is certain, since
 * X_Forwarded_For, which no proxy guards, has the same name in CGI. */
static bool find(struct request *request, const struct client_settings *settings,
                 const char **address)
{
    *address = request_variable(request, "REMOTE_ADDR");
    if (!client_is_in(*address, &settings->trusted_proxies))
        return !has_trace(request);
    const char *list = request_list(request, "HTTP_X_FORWARDED_FOR");
    size_t len = list ? strlen(list) : 0;

    if (len == 0)
        return !has_trace(request);
    while (len > 0 && client_is_in(*address, &settings->trusted_proxies)) {
        const char *before = last_of(request, list, &len);
        const char *must;
        if (!client_is_network(before, &must) || strchr(before, '/'))
            return false;
        *address = before;
    }
    return !request_is_ambiguous(request, "HTTP_X_FORWARDED_FOR");
}

const char *client_address(struct request *request, const struct client_settings *settings)
{
    const char *address;

    find(request, settings, &address);
    return address;
}

bool client_is_hidden(struct request *request, const struct client_settings *settings)
{
    const char *address;

    return !find(request, settings, &address);
}
