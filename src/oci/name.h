/* SPDX-License-Identifier: Apache-2.0
 *
 * Repository names and tags, which only these parsers make (OCI Distribution Specification,
 * "Pulling manifests"). What they let through cannot leave its directory: no empty component, no
 * dot or underscore in front.
 */
#ifndef BERTH_OCI_NAME_H
#define BERTH_OCI_NAME_H

#include "base/err.h"

#include <stddef.h>

#define NAME_LEN_MAX 255
#define TAG_LEN_MAX 128

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)* */
struct name {
    char s[NAME_LEN_MAX + 1];
};

/* [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
struct tag {
    char s[TAG_LEN_MAX + 1];
};

int name_parse(struct name *name, const char *s, size_t len, struct err *err); /* NAME_INVALID */
int tag_parse(struct tag *tag, const char *s, size_t len, struct err *err); /* MANIFEST_INVALID */

#endif
