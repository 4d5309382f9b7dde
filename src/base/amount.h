/* SPDX-License-Identifier: Apache-2.0
 *
 * Amounts, and how people read them: sizes, lengths of time, numbers of things.
 */
#ifndef BERTH_BASE_AMOUNT_H
#define BERTH_BASE_AMOUNT_H

#include <stdint.h>

/* So many things, and their bytes. */
struct amount {
    int64_t n, bytes;
};

#define AMOUNT_TEXT 48

void amount_size(char out[AMOUNT_TEXT], int64_t bytes);        /* "700 B", "1.5 MiB" */
void amount_age(char out[AMOUNT_TEXT], int64_t seconds);       /* "1 second", "3 days" */
void amount_age_short(char out[AMOUNT_TEXT], int64_t seconds); /* "45d", by the largest unit */
/* "1 blob", "2 blobs", "0 repositories": thing is one of them, a regular noun, and cut off where it
 * is longer than 24 bytes. */
void amount_count(char out[AMOUNT_TEXT], int64_t n, const char *thing);

#endif
