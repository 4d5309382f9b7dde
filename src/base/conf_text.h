/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of berth.conf on its way to libconfuse, which counts the line of a comment three times,
 * knows of a section only the line behind it, and takes a file that ends within one.
 */
#ifndef BERTH_BASE_CONF_TEXT_H
#define BERTH_BASE_CONF_TEXT_H

#include "base/buf.h"
#include "base/err.h"

struct conf_text_section {
    char kind[16]; /* "repository" */
    int line;      /* where it begins */
};

struct conf_text {
    struct buf text; /* comments are blanks in it; not empty */
    struct conf_text_section *sections;
    size_t n;
};

/* Reads the file. ERR_CONFIG, also if a section has no end. conf_text_free afterwards, also after
 * an error. */
int conf_text_read(struct conf_text *text, const char *path, struct err *err);
void conf_text_free(struct conf_text *text);

/* Where the nth section of its kind begins; 0: there are fewer. */
int conf_text_line(const struct conf_text *text, const char *kind, size_t n);

#endif
