/* SPDX-License-Identifier: Apache-2.0
 * L0: pages of directories. */
#include "base/dir_page.h"

#include "base/dir.h"
#include "base/names.h"
#include "base/timing.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The smallest n names so far, and up to as many again that have not been compared yet. */
struct selection {
    const char *after;
    size_t n, n_behind;
    size_t first;      /* of what the list had before */
    const char *limit; /* no name from here on is wanted; NULL: any may be */
    struct strings *names;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void cut(struct selection *selection)
{
    struct strings *names = selection->names;
    const size_t first = selection->first;

    if (names->n > first)
        qsort(names->v + first, names->n - first, sizeof *names->v, compare);
    while (names->n > first + selection->n)
        free(names->v[--names->n]);
    if (selection->n && names->n == first + selection->n)
        selection->limit = names->v[names->n - 1];
}

#define UNCOMPARED_MIN 64

static void select_name(struct selection *selection, const char *name)
{
    const size_t room = selection->n < SIZE_MAX / 4 ? 2 * selection->n + UNCOMPARED_MIN : SIZE_MAX;

    if (selection->after && strcmp(name, selection->after) <= 0)
        return;
    selection->n_behind++;
    if (selection->limit && strcmp(name, selection->limit) >= 0)
        return;
    strings_add(selection->names, name);
    if (selection->names->n - selection->first >= room)
        cut(selection);
}

/* What is kept of one directory. */
struct kept {
    dev_t dev;
    ino_t ino;
    struct timespec changed;
    struct names names; /* sorted; none: nothing is kept */
};

/* Of the two that were asked for last. */
#define KEPT_MAX 2
static struct kept kept[KEPT_MAX];
static size_t latest;

/* A clock that is read for times may lag, and a file system may count in seconds. */
#define SETTLED_S 3

static bool is_settled(const struct stat *st)
{
    return st->st_ctim.tv_sec < time(NULL) - SETTLED_S;
}

static bool is_same(const struct kept *one, const struct stat *st)
{
    return one->dev == st->st_dev && one->ino == st->st_ino &&
           one->changed.tv_sec == st->st_ctim.tv_sec && one->changed.tv_nsec == st->st_ctim.tv_nsec;
}

static const struct names *find_kept(const struct stat *st)
{
    for (size_t i = 0; i < KEPT_MAX; i++)
        if (kept[i].names.n && is_same(&kept[i], st)) {
            latest = i;
            return &kept[i].names;
        }
    return NULL;
}

static size_t bytes_of(const struct names *names)
{
    return names->text.cap + 2 * names->n * sizeof *names->at; /* with the room for more */
}

/* Takes over the names of one, unless they are few. */
static void keep(struct kept *one)
{
    size_t bytes = bytes_of(&one->names);

    if (one->names.n < DIR_PAGE_KEPT_NAMES)
        return;
    latest = (latest + 1) % KEPT_MAX;
    names_free(&kept[latest].names);
    for (size_t i = 0; i < KEPT_MAX; i++)
        bytes += bytes_of(&kept[i].names);
    for (size_t i = 0; i < KEPT_MAX && bytes > DIR_PAGE_KEPT_BYTES; i++)
        names_free(&kept[i].names);
    names_sort(&one->names);
    kept[latest] = *one;
    one->names = (struct names){0};
}

/* One look at all names: the page, and, where one is given, all that are to be kept. */
struct look {
    struct selection selection;
    struct kept *kept; /* NULL: none are */
};

static bool look_at(void *context, const char *name)
{
    struct look *look = context;

    select_name(&look->selection, name);
    if (look->kept) {
        names_add(&look->kept->names, name);
        if (bytes_of(&look->kept->names) > DIR_PAGE_KEPT_BYTES)
            look->kept = NULL;
    }
    return false;
}

static void copy(const struct names *all, const char *after, size_t n, struct strings *names,
                 bool *more)
{
    size_t from = names_before(all, after);

    *more = all->n - from > n;
    for (size_t i = from; i < all->n && i - from < n; i++)
        strings_add(names, names_get(all, i));
}

int dir_page(const struct fs_root *root, const char *path, const char *after, size_t n,
             bool may_keep, struct strings *names, bool *more, struct err *err)
{
    TIMED(TIMING_LIST, path);
    struct kept one = {.names = {.n = 0}};
    struct look look = {{.after = after, .n = n, .first = names->n, .names = names}, NULL};
    struct stat st;

    if (after && may_keep && fs_stat(root, path, &st, NULL) > 0 && is_settled(&st)) {
        const struct names *all = find_kept(&st);
        if (all) {
            copy(all, after, n, names, more);
            return 1;
        }
        one = (struct kept){st.st_dev, st.st_ino, st.st_ctim, {.n = 0}};
        look.kept = &one;
    }
    int found = dir_each(root, path, look_at, &look, err);
    cut(&look.selection);
    *more = look.selection.n_behind > n;
    if (found > 0 && look.kept) /* if it changed meanwhile, it has another time now */
        keep(&one);
    names_free(&one.names);
    return found;
}

int dir_page_walk(const struct fs_root *root, const char *path, const char *after, size_t n,
                  bool may_keep, dir_page_visit_fn *visit, void *context, struct err *err)
{
    char last[NAME_MAX + 1];
    bool more = true;
    int stop = 0;

    for (; more && stop == 0; n *= 2) {
        AUTO_STRINGS names = {0};
        if (dir_page(root, path, after, n, may_keep, &names, &more, err) < 0)
            return -1;
        if (names.n)
            snprintf(last, sizeof last, "%s", names.v[names.n - 1]);
        after = last;
        for (size_t i = 0; i < names.n && stop == 0; i++)
            stop = visit(context, names.v[i], err);
    }
    return stop;
}
