/* SPDX-License-Identifier: Apache-2.0
 *
 * Moving images in and out, as a library. It prints nothing, and knows neither options nor signals
 * nor who calls: what it has to say, to ask and to show goes through struct transfer_options. All
 * of its functions are called in the thread of whoever called the library.
 *
 * An import (import.h) takes what a source (source.h) has, an export (export.h) writes what was
 * chosen to an output (output.h). Both are opened by the caller, with his rights, before he becomes
 * whoever may touch the store.
 */
#ifndef BERTH_TRANSFER_TRANSFER_H
#define BERTH_TRANSFER_TRANSFER_H

#include "base/err.h"
#include "base/progress.h"
#include "base/strings.h"
#include "registry/registry.h"

#include <stdbool.h>
#include <stddef.h>

struct transfer_options {
    const struct registry *registry; /* what is pushed is pushed by its actor */
    size_t manifest_limit;           /* bytes; what is larger is no manifest */
    int jobs;                        /* threads that compress, at least 1 */

    const struct progress *items; /* of work that is counted in things; NULL: nobody watches */
    const struct progress *bytes; /* of work that is counted in bytes */

    /* NULL functions: nobody is there. */
    void *context;
    /* Something that is no error: what was left out, what is missing, what there is to choose from.
     * The first line says it; the others are a list, each begins with two spaces. No newline at the
     * end. */
    void (*note)(void *context, const char *text);
    /* Which one it shall be: its number from 0, -1: nobody can say. Then it is the error that says
     * what there is to choose from. */
    int (*choose)(void *context, const char *question, const struct strings *choices);
    /* Whether to stop. Asked often. */
    bool (*stop)(void *context);
};

void transfer_note(const struct transfer_options *options, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int transfer_choose(const struct transfer_options *options, const char *question,
                    const struct strings *choices);
/* 0, or -1 with ERR_IO: it is to stop. */
int transfer_check(const struct transfer_options *options, struct err *err);
/* Whether somebody watches how far it is, so that it is worth to know how much there is. */
bool transfer_is_watched(const struct progress *progress);

#endif
