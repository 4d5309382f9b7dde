/* SPDX-License-Identifier: Apache-2.0
 * L0: very many short strings. */
#include "base/names.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

void names_add(struct names *names, const char *name)
{
    if (names->text.len > UINT32_MAX)
        abort();
    *ARRAY_ADD(names->at, names->n) = (uint32_t)names->text.len;
    buf_add(&names->text, name, strlen(name) + 1);
}

const char *names_get(const struct names *names, size_t i)
{
    return names->text.s + names->at[i];
}

static int compare(const void *a, const void *b, void *text)
{
    const char *s = text;

    return strcmp(s + *(const uint32_t *)a, s + *(const uint32_t *)b);
}

void names_sort(struct names *names)
{
    if (names->n)
        qsort_r(names->at, names->n, sizeof *names->at, compare, names->text.s);
}

size_t names_before(const struct names *names, const char *name)
{
    size_t from = 0, to = names->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(names_get(names, middle), name) <= 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

void names_free(struct names *names)
{
    buf_free(&names->text);
    free(names->at);
    *names = (struct names){0};
}
