/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a request comes from: the address that the web server names, or behind proxies that are
 * trusted (`trusted_proxies` in berth.conf(5)) the one that they name.
 */
#ifndef BERTH_API_CLIENT_H
#define BERTH_API_CLIENT_H

#include "base/settings.h"
#include "http/request.h"

struct client_settings {
    struct strings trusted_proxies; /* addresses and networks */
};
extern const struct settings_table client_table;

/* Whether it is an address, or a network: for tables of settings. */
bool client_is_network(const char *value, const char **must);

/* The address, in the request's arena or a variable; NULL: it is not known. Of X-Forwarded-For the
 * last that no trusted proxy has counts: what stands before it, anyone may have written. */
const char *client_address(struct request *request, const struct client_settings *settings);
/* Whether this address is in one of the networks. */
bool client_is_in(const char *address, const struct strings *networks);
/* Whether somebody stands between, who is not trusted to say who the client is, or did not say it
 * so that it is certain: the address may be that of a proxy. */
bool client_is_hidden(struct request *request, const struct client_settings *settings);

#endif
