/* SPDX-License-Identifier: Apache-2.0
 *
 * What the file of counters holds: for metric.c, which adds, and metric_print.c, which reads.
 */
#ifndef BERTH_METRIC_METRIC_SHARED_H
#define BERTH_METRIC_METRIC_SHARED_H

#include "metric/metric.h"

#include <stdatomic.h>
#include <stddef.h>

#define METRIC_MAGIC 0x6874726562636f75u
#define METRIC_VERSION 1

enum { METRIC_METHODS = 8, METRIC_STATUSES = 33, METRIC_PLACES = 2048, METRIC_BUCKETS = 23 };
enum { METRIC_ACTIONS = 8, METRIC_LOCKS = 4 };

typedef atomic_llong metric_number;

/* Each value is in one bucket, the first whose bound is not below it; the last has no bound. */
struct metric_histogram {
    metric_number sum;
    metric_number buckets[METRIC_BUCKETS];
};

struct metric_bounds {
    int n;
    const char *texts[METRIC_BUCKETS];
    int64_t values[METRIC_BUCKETS];
};
extern const struct metric_bounds metric_times; /* nanoseconds; the texts say seconds */
extern const struct metric_bounds metric_sizes; /* bytes */

/* METRIC_ONCE: busy, with its only request. */
enum { METRIC_FREE, METRIC_IDLE, METRIC_BUSY, METRIC_ONCE };

/* Of a process that answers requests. It holds a lock on the byte of this number, as long as it
 * lives. */
struct metric_place {
    atomic_uint state;
    atomic_uint handler; /* 1 more than it; 0: none */
};

struct metric_head {
    uint64_t magic;
    uint32_t version;
    uint32_t size; /* of all */
    int64_t since; /* seconds since 1970 */
};

struct metric_shared {
    struct metric_head head;
    metric_number requests[METRIC_HANDLERS][METRIC_METHODS][METRIC_STATUSES];
    struct metric_histogram durations[METRIC_HANDLERS][METRIC_METHODS];
    struct metric_histogram taken[METRIC_HANDLERS];
    struct metric_histogram sent[METRIC_HANDLERS];
    struct metric_histogram actions[METRIC_ACTIONS];
    struct metric_histogram locks[METRIC_LOCKS];
    struct metric_histogram syncs;
    metric_number counters[METRIC_COUNTERS];
    struct metric_place places[METRIC_PLACES];
};

extern const char *const metric_handlers[METRIC_HANDLERS];
extern const char *const metric_methods[METRIC_METHODS];
extern const int metric_statuses[METRIC_STATUSES]; /* 0: any other */
extern const char *const metric_actions[METRIC_ACTIONS];
extern const char *const metric_locks[METRIC_LOCKS];

/* What is counted at present. */
struct metric_shared *metric_now(void);

struct metric_busyness {
    int64_t idle, busy, once;
    int64_t handling[METRIC_HANDLERS];
};
/* By all processes that live. */
void metric_look(struct metric_busyness *busyness);

/* Opens the file, or puts a new one there. *inode: which it is. NULL on error. (metric_file.c) */
struct metric_file {
    int fd;
    char *path;
    dev_t device;
    ino_t inode;
    struct metric_shared *shared;
};
int metric_file_open(struct metric_file *file, const char *directory, const char *root, mode_t mode,
                     struct err *err);
/* Whether it is still the one at its path. */
bool metric_file_is_current(const struct metric_file *file);
void metric_file_close(struct metric_file *file);

#endif
