/* SPDX-License-Identifier: Apache-2.0
 *
 * Repository names, which only name_parse makes (OCI Distribution Specification, "Pulling
 * manifests"). What it lets through cannot leave its directory: no empty component, no dot or
 * underscore in front.
 */
#ifndef BERTH_OCI_NAME_H
#define BERTH_OCI_NAME_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define NAME_LEN_MAX 255

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)* */
struct name {
    char s[NAME_LEN_MAX + 1];
};

int name_parse(struct name *name, const char *s, size_t len, struct err *err); /* NAME_INVALID */

/* For texts that need not be names. As strcmp(3), by components: the separator sorts before every
 * other character. */
int name_compare(const char *a, const char *b);
bool name_lies_below(const char *text, const char *ancestor);
/* The component of the text (NULL: none) directly below the parent, of which "" is the root, if it
 * could be part of a name. */
bool name_component_below(const char *text, const struct name *parent,
                          char component[NAME_LEN_MAX + 1]);

#endif
