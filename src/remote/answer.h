/* SPDX-License-Identifier: Apache-2.0
 *
 * Headers of answers as a client reads them (RFC 9110, RFC 8288).
 */
#ifndef BERTH_REMOTE_ANSWER_H
#define BERTH_REMOTE_ANSWER_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Content-Range of a 206, `bytes 0-499/1234`; *size -1: `*`. False: it is none, or contradicts
 * itself. */
bool answer_content_range(const char *value, int64_t *first, int64_t *last, int64_t *size);

/* Retry-After, seconds or any of the three forms of a date: in seconds from now on, at least 0; -1:
 * it is neither. */
int64_t answer_retry_after(const char *value, time_t now);

/* Appends the target of the link whose relation is "next". False: there is none. */
bool answer_next(const char *link, struct buf *target);

#endif
