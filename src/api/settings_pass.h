/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings on their way from a worker to the program that lighttpd starts for a large layer, as a
 * plain CGI: lighttpd gives that no environment of ours, and no words. The worker that was asked
 * whether the body may come (FastCGI's authorizer) says what its own settings are, in a variable
 * that no client can set.
 */
#ifndef BERTH_API_SETTINGS_PASS_H
#define BERTH_API_SETTINGS_PASS_H

#include "http/response.h"

#define SETTINGS_PASS_VARIABLE "BERTH_SETTINGS"

/* Adds this process' variables BERTH_*, and the absolute path of the configuration's file (NULL:
 * none) as BERTH_CONF. */
void settings_pass_on(const char *config, struct response *response);
/* Sets what is in BERTH_SETTINGS, if there is one, in the place of what was set. */
void settings_pass_take(void);

#endif
