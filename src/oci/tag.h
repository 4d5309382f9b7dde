/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags, which only tag_parse makes (OCI Distribution Specification, "Pulling manifests"). What it
 * lets through cannot leave its directory.
 */
#ifndef BERTH_OCI_TAG_H
#define BERTH_OCI_TAG_H

#include "base/err.h"

#include <stddef.h>

#define TAG_LEN_MAX 128

/* [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
struct tag {
    char s[TAG_LEN_MAX + 1];
};

int tag_parse(struct tag *tag, const char *s, size_t len, struct err *err); /* MANIFEST_INVALID */

#endif
