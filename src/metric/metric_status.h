/* SPDX-License-Identifier: Apache-2.0
 *
 * How a store and those who serve it are, in short: what is counted on this host (metric.h), the
 * room, and what is wrong with either.
 */
#ifndef BERTH_METRIC_METRIC_STATUS_H
#define BERTH_METRIC_METRIC_STATUS_H

#include "base/buf.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stdint.h>

struct metric_status {
    bool counted;             /* there are counters that others share */
    int64_t since;            /* seconds since 1970: when they began */
    int64_t busy, idle, once; /* of those who serve; once: programs for one request each */
    int64_t requests, failed; /* those that were answered 5xx */
    int64_t logins_failed, denied;
    int64_t uploads, upload_bytes; /* that are open */
    int64_t gc_at;                 /* when it last ran; 0: never */
    int64_t store_bytes, blobs, manifests, tags, repositories, garbage_bytes; /* as of then */
    int64_t fsck_at, faults;
    int64_t size, free, files, files_free; /* of the file system; files 0: it counts none */
    struct strings problems;               /* for people; none: all is well */
};

/* Of what metric_open has opened, and the file system of this directory. Free afterwards. */
void metric_status_read(struct metric_status *status, const char *root);
/* Appends it as a page of text, or as a JSON object on one line. */
void metric_status_print(const struct metric_status *status, const char *root, bool json,
                         struct buf *out);
void metric_status_free(struct metric_status *status);

#endif
