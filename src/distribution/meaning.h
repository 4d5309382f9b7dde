/* SPDX-License-Identifier: Apache-2.0
 *
 * What each setting of registry:2 is to berth.
 */
#ifndef BERTH_DISTRIBUTION_MEANING_H
#define BERTH_DISTRIBUTION_MEANING_H

#include <stdbool.h>
#include <stddef.h>

enum meaning_kind {
    MEANING_MISSING,        /* berth has no equal */
    MEANING_MISSING_UNLESS, /* or it is `same`, as berth does anyway */
    MEANING_DRIVER,         /* berth has no equal, also if there is nothing in it */
    MEANING_NEEDLESS,       /* berth need not be told */
    MEANING_KIND,           /* one of `words`, which only says what else there is */
    MEANING_TEXT,           /* a member of struct distribution: char * */
    MEANING_SWITCH,         /* bool */
    MEANING_LEVEL,          /* char *, one of berth's own */
    MEANING_LIMIT,          /* page_limit */
};

struct meaning {
    const char *path; /* a star at its end is anything */
    enum meaning_kind kind;
    size_t offset; /* of the member */
    const char *same;
    const char *const *words; /* then NULL */
    const char *text;         /* why it is not taken over, or what it must be */
};

/* What this path is: never NULL, since what nobody knows is MEANING_MISSING. */
const struct meaning *meaning_of(const char *path);

/* As YAML says true and false. False: it is neither. */
bool meaning_switch(const char *value, bool *on);
/* berth's name of a log level; NULL: there is no such level. */
const char *meaning_level(const char *value);

#endif
