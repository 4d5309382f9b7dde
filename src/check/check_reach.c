/* SPDX-License-Identifier: Apache-2.0
 * L5: mistakes in a configuration: sections that can never apply. */
#include "check/check.h"

#include "oci/glob.h"
#include "oci/name.h"

#include <stdio.h>
#include <string.h>

/* What stands for the wildcards in a name that is to be matched by this pattern and, as far as it
 * can be, by no other that is narrower. */
struct filling {
    const char *within, *across;
    char one;
};

static bool fill(const char *pattern, const struct filling *filling, struct name *name)
{
    char text[NAME_LEN_MAX + 1];
    size_t len = 0;
    struct err err;

    for (const char *c = pattern; *c && len < sizeof text - 16; c++) {
        if (c[0] == '*' && c[1] == '*') {
            len += (size_t)snprintf(text + len, 16, "%s", filling->across);
            c++;
        } else if (*c == '*') {
            len += (size_t)snprintf(text + len, 16, "%s", filling->within);
        } else {
            text[len++] = *c == '?' ? filling->one : *c;
        }
    }
    return name_parse(name, text, len, &err) == 0;
}

static const struct check_pattern *narrowest(const struct check_pattern *patterns, size_t n,
                                             const struct name *name)
{
    const struct check_pattern *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (glob_matches(patterns[i].text, name->s) &&
            (!best || glob_compare(patterns[i].text, best->text) < 0))
            best = &patterns[i];
    return best;
}

static void warn_shadowed(const char *kind, const struct check_pattern *pattern,
                          const struct check_pattern *other, struct findings *findings)
{
    bool elsewhere = strcmp(other->place.file, pattern->place.file) != 0;

    findings_warn(findings, "%s:%d: %s \"%s\" never applies: \"%s\" in %s%sline %d comes before it",
                  pattern->place.file, pattern->place.line, kind, pattern->text, other->text,
                  elsewhere ? other->place.file : "", elsewhere ? " " : "", other->place.line);
}

/* Another section applies to each name that the pattern matches; tried with some names. */
void check_reach(const char *kind, const struct check_pattern *patterns, size_t n_patterns,
                 size_t nth, struct findings *findings)
{
    static const struct filling fillings[] = {
        {"zq0", "zq0/zq1", 'z'}, {"7k", "7k", '7'}, {"x", "x/y/x", 'x'}};
    const struct check_pattern *pattern = &patterns[nth], *other = NULL;
    bool any = false;

    for (size_t i = 0; i < sizeof fillings / sizeof *fillings; i++) {
        struct name name;
        if (strlen(pattern->text) > NAME_LEN_MAX - 32 || !fill(pattern->text, &fillings[i], &name))
            continue;
        any = true;
        other = narrowest(patterns, n_patterns, &name);
        if (other == pattern)
            return;
    }
    if (!any)
        findings_warn(findings, "%s:%d: %s \"%s\": no repository can be called so",
                      pattern->place.file, pattern->place.line, kind, pattern->text);
    else if (other)
        warn_shadowed(kind, pattern, other, findings);
}
