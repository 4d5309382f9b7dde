/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML as a list of what stands in it, each by the keys that lead to it, as "http.tls.key" or
 * "notifications.endpoints[0].url". Over libyaml, whose anchors and aliases are followed.
 */
#ifndef BERTH_DISTRIBUTION_ENTRIES_H
#define BERTH_DISTRIBUTION_ENTRIES_H

#include "base/err.h"

#include <stddef.h>

struct entry {
    char *path;  /* control characters in it are shown as \x0a */
    char *value; /* NULL: null, or a list or map with nothing in it */
    char *where; /* for messages: "config.yml:12", or the name of a variable */
};

/* Set to {0}; entries_free returns it to that state. */
struct entries {
    struct entry *v;
    size_t n;
};
#define AUTO_ENTRIES __attribute__((cleanup(entries_free))) struct entries

/* Where a text is from. */
struct entries_source {
    const char *name;  /* of the file or the variable */
    const char *under; /* what its paths begin with; "" for a file, whose lines are counted */
};
/* Adds what stands in the first document of the text. ERR_CONFIG names the source and the line:
 * it is no YAML, a key stands twice, or there is too much in it. */
int entries_read(struct entries *entries, const struct entries_source *source, const char *text,
                 size_t len, struct err *err);
/* Removes what stands at this path and below. */
void entries_remove(struct entries *entries, const char *path);
void entries_free(struct entries *entries);

#endif
