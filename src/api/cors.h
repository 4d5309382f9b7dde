/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of other origins, such as a web interface on another host (Fetch Standard, "CORS
 * protocol"): berth.conf(5), `cors`. Without it no browser lets them see an answer.
 */
#ifndef BERTH_API_CORS_H
#define BERTH_API_CORS_H

#include "base/settings.h"
#include "http/request.h"
#include "http/response.h"

/* Read again when the configuration changes. */
struct cors_settings {
    struct strings origins; /* whose pages may use the registry; "*": all, as nobody */
};
extern const struct settings_table cors_table;

/* Adds to an answer what lets a page of one of these origins see it, with the login that its
 * browser has; and where "*" is among them, any page, without one. methods: what the path knows, as
 * in Allow, where a browser asks with OPTIONS before it sends the request; else NULL. */
void cors_add(const struct strings *origins, const struct request *request, const char *methods,
              struct response *response);

#endif
