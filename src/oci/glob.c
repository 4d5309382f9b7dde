/* SPDX-License-Identifier: Apache-2.0
 * L1: globs of repository names and tags. */
#include "oci/glob.h"

#include <stddef.h>
#include <string.h>

/* One wildcard that can be tried again with one more character, as in fnmatch without recursion. A
 * `*` that fails may still be helped by an earlier `**`. */
struct retry {
    const char *glob; /* behind the wildcard; NULL: none was met */
    const char *s;    /* where the rest was tried last */
};

static bool try_again(struct retry *retry, bool across, const char **glob, const char **s)
{
    if (!retry->glob || !*retry->s || (!across && *retry->s == '/'))
        return false;
    retry->s++;
    *glob = retry->glob;
    *s = retry->s;
    return true;
}

bool glob_matches(const char *glob, const char *s)
{
    struct retry within = {NULL, NULL};
    struct retry across = {NULL, NULL};

    for (;;) {
        if (glob[0] == '*' && glob[1] == '*') {
            glob += 2;
            across = (struct retry){glob, s};
            within.glob = NULL;
        } else if (*glob == '*') {
            glob++;
            within = (struct retry){glob, s};
        } else if (*glob == '\0' && *s == '\0') {
            return true;
        } else if (*s && (*glob == *s || (*glob == '?' && *s != '/'))) {
            glob++;
            s++;
        } else if (!try_again(&within, false, &glob, &s)) {
            if (!try_again(&across, true, &glob, &s))
                return false;
        }
    }
}

bool glob_any_matches(const struct strings *globs, const char *s)
{
    for (size_t i = 0; i < globs->n; i++)
        if (glob_matches(globs->v[i], s))
            return true;
    return false;
}

struct measure {
    size_t prefix; /* characters in front of the first wildcard */
    size_t text;   /* characters that are no wildcards */
    size_t across; /* `**` */
    bool wild;
};

static struct measure measure(const char *glob)
{
    struct measure m = {.prefix = strcspn(glob, "*?")};

    m.wild = glob[m.prefix] != '\0';
    for (const char *c = glob; *c; c++) {
        if (c[0] == '*' && c[1] == '*') {
            m.across++;
            c++;
        } else if (*c != '*' && *c != '?') {
            m.text++;
        }
    }
    return m;
}

static int more_first(size_t a, size_t b)
{
    return a > b ? -1 : a < b;
}

int glob_compare(const char *a, const char *b)
{
    struct measure left = measure(a), right = measure(b);

    if (left.wild != right.wild)
        return left.wild ? 1 : -1;
    if (left.prefix != right.prefix)
        return more_first(left.prefix, right.prefix);
    if (left.text != right.text)
        return more_first(left.text, right.text);
    return more_first(right.across, left.across);
}

bool glob_can_match_name(const char *glob)
{
    size_t len = strlen(glob);

    return len > 0 && strspn(glob, "abcdefghijklmnopqrstuvwxyz0123456789._-/*?") == len &&
           glob[0] != '/' && glob[len - 1] != '/' && !strstr(glob, "//");
}

bool glob_can_match_tag(const char *glob)
{
    size_t len = strlen(glob);

    return len > 0 && strspn(glob, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789._-*?") == len;
}
