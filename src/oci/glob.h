/* SPDX-License-Identifier: Apache-2.0
 *
 * Globs of repository names and tags: `*` stands for any characters within one path component, `**`
 * also for slashes, `?` for one character other than a slash. Nothing else is special.
 */
#ifndef BERTH_OCI_GLOB_H
#define BERTH_OCI_GLOB_H

#include "base/strings.h"

#include <stdbool.h>

bool glob_matches(const char *glob, const char *s);
bool glob_any_matches(const struct strings *globs, const char *s);

/* Whether a is more specific than b (negative), less (positive) or equally (0): without wildcards
 * before with, then the longer text in front of the first wildcard, then more text in all, then
 * fewer `**`. */
int glob_compare(const char *a, const char *b);

/* Whether there can be a repository, or a tag, that the glob matches, as far as characters and
 * slashes tell. */
bool glob_can_match_name(const char *glob);
bool glob_can_match_tag(const char *glob);

#endif
