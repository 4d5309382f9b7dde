/* SPDX-License-Identifier: Apache-2.0
 *
 * A growable byte string. `s` is never NULL after the first append and always NUL-terminated behind
 * `len`; the bytes themselves may contain NULs. A buf set to BUF_INIT needs no other
 * initialisation; buf_free returns it to that state. Out of memory aborts.
 */
#ifndef BERTH_BASE_BUF_H
#define BERTH_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *s;
    size_t len;
    size_t cap;
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        0, 0, 0                                                                                    \
    }
#define AUTO_BUF __attribute__((cleanup(buf_free))) struct buf

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_addstr(struct buf *buf, const char *s);
void buf_addf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addvf(struct buf *buf, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_addc(struct buf *buf, char c);

/* Makes room for len more bytes behind the end and returns where they go; the caller then adds to
 * buf->len what it wrote there. */
char *buf_reserve(struct buf *buf, size_t len);

/* The next line, from *at on, which moves behind it; NULL at the end. Its newline becomes a NUL. */
char *buf_line(struct buf *buf, size_t *at);

void buf_clear(struct buf *buf); /* keeps the memory */
void buf_free(struct buf *buf);

#endif
