/* SPDX-License-Identifier: Apache-2.0
 * L0: a list of strings of its own. */
#include "base/strings.h"

#include "base/array.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void strings_add(struct strings *strings, const char *s)
{
    *ARRAY_ADD(strings->v, strings->n) = mem_strdup(s);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strings_sort(struct strings *strings)
{
    if (strings->n)
        qsort(strings->v, strings->n, sizeof *strings->v, compare);
}

bool strings_has(const struct strings *strings, const char *s)
{
    for (size_t i = 0; i < strings->n; i++)
        if (!strcmp(strings->v[i], s))
            return true;
    return false;
}

void strings_free(struct strings *strings)
{
    for (size_t i = 0; i < strings->n; i++)
        free(strings->v[i]);
    free(strings->v);
    *strings = (struct strings){0};
}
