/* SPDX-License-Identifier: Apache-2.0
 *
 * How a long piece of work tells the one who waits how far it is. It is called often and from one
 * thread; whoever shows it decides how often.
 */
#ifndef BERTH_BASE_PROGRESS_H
#define BERTH_BASE_PROGRESS_H

#include <stdint.h>

struct progress {
    /* what: a word or two, a constant; total: -1 where it is not known. NULL: nobody watches. */
    void (*at)(void *context, const char *what, int64_t done, int64_t total);
    void *context;
};

void progress_at(const struct progress *progress, const char *what, int64_t done, int64_t total);

#endif
