/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of strings of its own. Set to {0}; strings_free returns it to that state.
 */
#ifndef BERTH_BASE_STRINGS_H
#define BERTH_BASE_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

struct strings {
    char **v;
    size_t n;
};
#define AUTO_STRINGS __attribute__((cleanup(strings_free))) struct strings

void strings_add(struct strings *strings, const char *s); /* a copy of s */
void strings_sort(struct strings *strings);               /* in byte order */
bool strings_has(const struct strings *strings, const char *s);
void strings_free(struct strings *strings);

#endif
