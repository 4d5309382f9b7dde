/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for people: that must fit somewhere, or comes from anybody.
 */
#ifndef BERTH_BASE_TEXT_H
#define BERTH_BASE_TEXT_H

#include "base/buf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Shortens text to less than size bytes (at least 16), with the NUL, by taking the middle out of
 * its longest words, which are names, paths and digests, and putting "..." there: what stands
 * around them, and so the reason of an error, stays. */
void text_shorten(char *text, size_t size);

/* vprintf into out, shortened so. Arguments may lie in out itself. `reason` is put behind it, with
 * ": " between, unless it is NULL. */
void text_format(char *out, size_t size, const char *reason, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

/* Adds text with its control characters as \x0a: it stays in its line and moves no cursor. */
void text_add_escaped(struct buf *out, const char *text);

/* The value of `key` among lines of "key value", up to the end of the text, or NULL; text_end_line
 * cuts off, in place, what is behind its line (NULL: nothing). */
char *text_take_line(char *text, const char *key);
void text_end_line(char *value);
/* Takes the next line of the text apart; *at moves on. False: there is none. */
bool text_next_line(const char **at, const char **line, size_t *len);

#endif
