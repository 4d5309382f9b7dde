/* SPDX-License-Identifier: Apache-2.0
 *
 * Via, in which whoever passes a request on says so (RFC 9110, section 7.6.3). A cache that finds
 * itself there was asked by itself.
 */
#ifndef BERTH_HTTP_VIA_H
#define BERTH_HTTP_VIA_H

#include <stdbool.h>

/* Whether a Via names this one as one of those who received it: `1.1 vegur, 1.1 berth-4f2a
 * (comment)`. Names have no case. */
bool via_names(const char *value, const char *received_by);

#endif
