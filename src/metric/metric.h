/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters that all processes of a host share, whatever started them: workers, CGI programs,
 * commands. They are in one file of shared memory for each store, outside of it, and stay when
 * processes end. Adding to one is an atomic addition, without a lock and without a call of the
 * kernel.
 *
 * The file: a fixed struct with a version. Another version's, or one that is broken, is replaced by
 * a new one, which processes that still have the old one find within a second of a request. A
 * file that is cut off under a process costs it its counts, not its life.
 *
 * Without metric_open, or where there is no place for the file, a process counts for itself.
 */
#ifndef BERTH_METRIC_METRIC_H
#define BERTH_METRIC_METRIC_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* As Distribution calls what answers a request, and what it has not. */
enum metric_handler {
    METRIC_OTHER, /* no route */
    METRIC_BASE,
    METRIC_MANIFEST,
    METRIC_TAGS,
    METRIC_BLOB,
    METRIC_BLOB_UPLOAD,
    METRIC_BLOB_UPLOAD_CHUNK,
    METRIC_CATALOG,
    METRIC_REFERRERS,
    METRIC_TOKEN,
    METRIC_HEALTH,
    METRIC_METRICS,
    METRIC_HANDLERS
};

enum metric_counter {
#define COUNTER(id, name, labels, type, help) METRIC_##id,
#include "metric/metric.def"
#undef COUNTER
    METRIC_COUNTERS
};

/* Where the file of the store at this root is, an absolute path: in `directory`, or with "" in
 * METRIC_DIRECTORY if that can be used, else in one of this user's below METRIC_ELSEWHERE. */
#define METRIC_DIRECTORY "/run/berth/metrics"
#define METRIC_ELSEWHERE "/dev/shm"
/* -1: there is no place for it, and why. Again: the file of another store. */
int metric_open(const char *directory, const char *root, mode_t mode, struct err *err);
/* Whether others count there too. */
bool metric_is_shared(void);
void metric_close(void);

/* A process that answers requests says so, and what it does; it is forgotten when it ends, however
 * that comes. metric_serve after metric_open; idle then. */
void metric_serve(void);
/* Instead: it answers one request and ends, as a CGI program. That is no worker which others could
 * wait for, so it is never counted as a busy one. */
void metric_serve_once(void);
void metric_idle(void);
void metric_busy(void);
void metric_handles(enum metric_handler handler);

void metric_add(enum metric_counter counter, int64_t n);
/* Sets a gauge to what somebody has counted. */
void metric_set(enum metric_counter counter, int64_t n);

struct metric_request {
    enum metric_handler handler;
    const char *method; /* as in the request; NULL: none */
    int status;
    int64_t nanoseconds;
    int64_t taken, sent; /* bytes of bodies */
};
void metric_count(const struct metric_request *request);

#endif
