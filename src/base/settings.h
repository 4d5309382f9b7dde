/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings, berth.conf(5): each owner has a struct of its own and a table, in which one row for
 * each key says its name, its default, its bounds and the member that it sets. Whoever puts the
 * program together reads all tables at once, so that a key that nobody owns is an error.
 *
 *     struct kitchen_settings {
 *         char *cook;
 *         int64_t seats;
 *         struct kitchen_dish *dishes; // {char *name; struct settings_place place; char *price;}
 *         size_t n_dishes;
 *     };
 *     static const struct settings_key keys[] = {
 *         SETTINGS_TEXT(struct kitchen_settings, cook, "cook", "nobody", NULL),
 *         SETTINGS_NUMBER(struct kitchen_settings, seats, "seats", "4", 1, 100),
 *         SETTINGS_END,
 *     };
 *     static const struct settings_key dish_keys[] = {
 *         SETTINGS_TEXT(struct kitchen_dish, price, "price", "", NULL),
 *         SETTINGS_END,
 *     };
 *     static const struct settings_section sections[] = {
 *         SETTINGS_SECTION(struct kitchen_settings, dishes, n_dishes, struct kitchen_dish, name,
 *                          "dish", dish_keys),
 *         SETTINGS_SECTIONS_END,
 *     };
 *     const struct settings_table kitchen_table = SETTINGS_TABLE(struct kitchen_settings, keys,
 *                                                                sections);
 *
 * Two owners may read the same key.
 *
 * A key outside of sections is taken from the environment variable BERTH_<KEY> where that is set
 * and not empty. Sections stand in files only. include("FILE"), outside of sections, reads another
 * file there; its path is relative to the file that names it.
 */
#ifndef BERTH_BASE_SETTINGS_H
#define BERTH_BASE_SETTINGS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SETTINGS_FALLBACK "/etc/berth/berth.conf"

/* Where a section begins: at its opening brace. */
struct settings_place {
    char *file;
    int line;
};

/* A length of time as it was written, like "30d". */
struct settings_age {
    char *text;      /* NULL: not said */
    int64_t seconds; /* SETTINGS_FOREVER where that may be said */
};
#define SETTINGS_FOREVER INT64_MAX

enum settings_kind {
    SETTINGS_KIND_TEXT = 1, /* char *, never NULL unless the default is */
    SETTINGS_KIND_NUMBER,   /* int64_t */
    SETTINGS_KIND_MODE,     /* mode_t, written in octal */
    SETTINGS_KIND_SWITCH,   /* bool */
    SETTINGS_KIND_CHOICE,   /* an enum, whose values are 0 and up */
    SETTINGS_KIND_LIST,     /* struct strings; in the environment with spaces between */
    SETTINGS_KIND_AGE,      /* struct settings_age */
};

struct settings_key {
    const char *name;     /* NULL ends a table */
    const char *fallback; /* the default, as a file would say it; NULL: the member stays zero */
    enum settings_kind kind;
    size_t offset;              /* of the member */
    int64_t min, max;           /* of a number */
    bool may_last;              /* an age may be "forever" */
    const char *const *choices; /* in the order of the member's values, then NULL */
    /* Whether a text may be the value, or in a list; if not, *must says what it must be or cannot
     * hold. */
    bool (*check)(const char *value, const char **must);
};

#define SETTINGS_MEMBER(type, member, wanted)                                                      \
    .offset = _Generic(((type *)NULL)->member, wanted : offsetof(type, member))
#define SETTINGS_TEXT(type, member, key, default_, check_)                                         \
    {                                                                                              \
        .name = key, .fallback = default_, .kind = SETTINGS_KIND_TEXT, .check = check_,            \
        SETTINGS_MEMBER(type, member, char *)                                                      \
    }
#define SETTINGS_NUMBER(type, member, key, default_, min_, max_)                                   \
    {                                                                                              \
        .name = key, .fallback = default_, .kind = SETTINGS_KIND_NUMBER, .min = min_, .max = max_, \
        SETTINGS_MEMBER(type, member, int64_t)                                                     \
    }
#define SETTINGS_MODE(type, member, key, default_)                                                 \
    {                                                                                              \
        .name = key, .fallback = default_, .kind = SETTINGS_KIND_MODE,                             \
        SETTINGS_MEMBER(type, member, mode_t)                                                      \
    }
#define SETTINGS_SWITCH(type, member, key, default_)                                               \
    {                                                                                              \
        .name = key, .fallback = default_, .kind = SETTINGS_KIND_SWITCH,                           \
        SETTINGS_MEMBER(type, member, bool)                                                        \
    }
#define SETTINGS_CHOICE(type, member, key, default_, choices_)                                     \
    {                                                                                              \
        .name = key, .fallback = default_, .kind = SETTINGS_KIND_CHOICE, .choices = choices_,      \
        SETTINGS_MEMBER(type, member, unsigned)                                                    \
    }
#define SETTINGS_LIST(type, member, key) SETTINGS_CHECKED_LIST(type, member, key, NULL)
#define SETTINGS_CHECKED_LIST(type, member, key, check_)                                           \
    {                                                                                              \
        .name = key, .kind = SETTINGS_KIND_LIST, .check = check_,                                  \
        SETTINGS_MEMBER(type, member, struct strings)                                              \
    }
#define SETTINGS_AGE(type, member, key, forever)                                                   \
    {                                                                                              \
        .name = key, .kind = SETTINGS_KIND_AGE, .may_last = forever,                               \
        SETTINGS_MEMBER(type, member, struct settings_age)                                         \
    }
#define SETTINGS_END                                                                               \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* kind "TITLE" { keys }, any number of them, each title once. */
struct settings_section {
    const char *kind; /* NULL ends a table */
    const struct settings_key *keys;
    size_t items, n;           /* members of the owner: the array, in the order of the file */
    size_t size, title, place; /* of an item, and its members */
};
#define SETTINGS_SECTION(type, items_, n_, item, title_, kind_, keys_)                               \
    {                                                                                                \
        .kind = kind_, .keys = keys_,                                                              \
        .items = _Generic(((type *)NULL)->items_, item * : offsetof(type, items_)),                \
        .n = _Generic(((type *)NULL)->n_, size_t : offsetof(type, n_)), .size = sizeof(item),      \
        .title = _Generic(((item *)NULL)->title_, char * : offsetof(item, title_)),                \
        .place = _Generic(((item *)NULL)->place, struct settings_place : offsetof(item, place)) \
    }
#define SETTINGS_SECTIONS_END                                                                      \
    {                                                                                              \
        .kind = NULL                                                                               \
    }

struct settings_table {
    const struct settings_key *keys;
    const struct settings_section *sections; /* NULL: none */
    size_t size;                             /* of the owner's struct */
};
#define SETTINGS_TABLE(type, keys_, sections_)                                                     \
    {                                                                                              \
        .keys = keys_, .sections = sections_, .size = sizeof(type)                                 \
    }

/* A table, and the struct that it is to fill; NULL: its values are looked at and forgotten. */
struct settings_part {
    const struct settings_table *table;
    void *into;
};

/* Reads path, or where it is NULL $BERTH_CONF, or else SETTINGS_FALLBACK if there is one, for all n
 * parts. *files, which is to be {0}, is then the files that were read, also after an error; the
 * first is the configuration itself, and without one there are none. ERR_CONFIG names file, line
 * and remedy. settings_free each part afterwards, also after an error. Not for several threads at
 * once. */
int settings_read(const char *path, const struct settings_part *parts, size_t n,
                  struct strings *files, struct err *err);
/* Frees what is in the owner's struct, which is zero then. */
void settings_free(const struct settings_table *table, void *owner);

#endif
