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

const char *client_address(struct request *request, const struct client_settings *settings)
{
    const char *address = request_variable(request, "REMOTE_ADDR");
    const char *list = request_header(request, "HTTP_X_FORWARDED_FOR");
    size_t len = list ? strlen(list) : 0;

    while (len > 0 && client_is_in(address, &settings->trusted_proxies)) {
        const char *before = last_of(request, list, &len);
        const char *must;
        if (!client_is_network(before, &must) || strchr(before, '/'))
            break;
        address = before;
    }
    return address;
}

bool client_is_hidden(const struct request *request, const struct client_settings *settings)
{
    static const char *const headers[] = {"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED",
                                          "HTTP_X_REAL_IP", "HTTP_VIA"};

    if (client_is_in(request_variable(request, "REMOTE_ADDR"), &settings->trusted_proxies))
        return false;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (request_header(request, headers[i]))
            return true;
    return false;
}
