/* SPDX-License-Identifier: Apache-2.0
 *
 * One value of base/settings.h, from its text.
 */
#ifndef BERTH_BASE_SETTINGS_VALUE_H
#define BERTH_BASE_SETTINGS_VALUE_H

#include "base/settings.h"

/* Sets the member, which is to be zero. False: the text is not such a value, and must, which is to
 * be empty, says what it must be. A list has no text. */
bool settings_value_parse(const struct settings_key *key, const char *text, void *member,
                          struct buf *must);
/* Frees what the member holds. */
void settings_value_free(const struct settings_key *key, void *member);

/* A check of settings_key: the text can stand between quotes in a header. */
bool settings_value_quotable(const char *value, const char **must);

#endif
