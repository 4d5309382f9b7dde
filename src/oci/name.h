/* SPDX-License-Identifier: Apache-2.0
 *
 * Repository names, which only name_parse makes (OCI Distribution Specification, "Pulling
 * manifests"). What it lets through cannot leave its directory: no empty component, no dot or
 * underscore in front.
 */
#ifndef BERTH_OCI_NAME_H
#define BERTH_OCI_NAME_H

#include "base/err.h"

#include <stddef.h>

#define NAME_LEN_MAX 255

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)* */
struct name {
    char s[NAME_LEN_MAX + 1];
};

int name_parse(struct name *name, const char *s, size_t len, struct err *err); /* NAME_INVALID */

#endif
