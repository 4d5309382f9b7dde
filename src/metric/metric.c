/* SPDX-License-Identifier: Apache-2.0
 * L2: counting. */
#include "metric/metric_shared.h"

#include "base/clock.h"
#include "base/fs_lock.h"
#include "base/mem.h"
#include "base/timing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS INT64_C(1000000)

/* Distribution's, finer where berth is and coarser where clients are. */
const struct metric_bounds metric_times = {
    .n = 17,
    .texts = {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
              "1", "2.5", "5", "10", "25", "60", "300"},
    .values = {MS / 2, MS, 5 * MS / 2, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS,
               500 * MS, 1000 * MS, 2500 * MS, 5000 * MS, 10000 * MS, 25000 * MS, 60000 * MS,
               300000 * MS},
};

/* Distribution's. */
const struct metric_bounds metric_sizes = {
    .n = 22,
    .texts = {"1024",           "2048",           "4096",
              "8192",           "16384",          "32768",
              "65536",          "131072",         "262144",
              "524288",         "1.048576e+06",   "2.097152e+06",
              "4.194304e+06",   "8.388608e+06",   "1.6777216e+07",
              "3.3554432e+07",  "6.7108864e+07",  "1.34217728e+08",
              "2.68435456e+08", "5.36870912e+08", "1.073741824e+09",
              "2.147483648e+09"},
    .values = {1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15,         1 << 16, 1 << 17,
               1 << 18, 1 << 19, 1 << 20, 1 << 21, 1 << 22, 1 << 23,         1 << 24, 1 << 25,
               1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30, INT64_C(1) << 31},
};

const char *const metric_handlers[METRIC_HANDLERS] = {
    [METRIC_OTHER] = "other",
    [METRIC_BASE] = "base",
    [METRIC_MANIFEST] = "manifest",
    [METRIC_TAGS] = "tags",
    [METRIC_BLOB] = "blob",
    [METRIC_BLOB_UPLOAD] = "blob_upload",
    [METRIC_BLOB_UPLOAD_CHUNK] = "blob_upload_chunk",
    [METRIC_CATALOG] = "catalog",
    [METRIC_REFERRERS] = "referrers",
    [METRIC_TOKEN] = "token",
    [METRIC_HEALTH] = "health",
    [METRIC_METRICS] = "metrics",
};

const char *const metric_methods[METRIC_METHODS] = {"unknown", "get",   "head",   "post",
                                                    "put",     "patch", "delete", "options"};

const int metric_statuses[METRIC_STATUSES] = {
    0,   200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 411, 412, 413,
    414, 416, 417, 429, 431, 500, 501, 502, 503, 504, 505, 507, 508, 301, 307, 100};

const char *const metric_actions[METRIC_ACTIONS] = {
    [TIMING_READ] = "GetContent",  [TIMING_REPLACE] = "PutContent", [TIMING_STAT] = "Stat",
    [TIMING_LIST] = "List",        [TIMING_MOVE] = "Move",          [TIMING_REMOVE] = "Delete",
    [TIMING_OPEN_READ] = "Reader", [TIMING_OPEN_WRITE] = "Writer",
};

const char *const metric_locks[METRIC_LOCKS] = {"other", "gc.gate", "gc", "repository"};

/* Where nothing is shared. */
static struct metric_shared own;

static struct {
    struct metric_shared *shared;
    struct metric_file file;
    char *directory, *root; /* as opened; NULL: not */
    mode_t mode;
    bool serves, once;
    int place;      /* -1: none was free */
    int64_t looked; /* for another file; as of clock_ms */
} self = {.shared = &own, .file = {.fd = -1}, .place = -1};

#define LOOK_MS 1000

static void add(metric_number *number, int64_t n)
{
    atomic_fetch_add_explicit(number, n, memory_order_relaxed);
}

static void add_value(struct metric_histogram *histogram, const struct metric_bounds *bounds,
                      int64_t value)
{
    int i = 0;

    while (i < bounds->n && value > bounds->values[i])
        i++;
    add(&histogram->buckets[i], 1);
    add(&histogram->sum, value);
}

/* --- what is told from below --- */

static int lock_of(const char *name)
{
    if (!name)
        return 0;
    if (strstr(name, "/repo/"))
        return 3;
    const char *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    for (int i = 1; i < METRIC_LOCKS; i++)
        if (!strcmp(metric_locks[i], name))
            return i;
    return 0;
}

static void told(enum timing what, const char *name, int64_t nanoseconds)
{
    struct metric_shared *to = self.shared;

    if (what == TIMING_SYNC)
        add_value(&to->syncs, &metric_times, nanoseconds);
    else if (what == TIMING_LOCK)
        add_value(&to->locks[lock_of(name)], &metric_times, nanoseconds);
    else
        add_value(&to->actions[what], &metric_times, nanoseconds);
}

/* --- opening --- */

static void forget(void)
{
    self.shared = &own;
    metric_file_close(&self.file);
    self.place = -1;
}

/* The first place that nobody who lives has. Two processes that begin their search elsewhere do not
 * meet at each of them. */
static void take_place(void)
{
    int first = (int)(getpid() % METRIC_PLACES);

    for (int i = 0; self.file.fd >= 0 && i < METRIC_PLACES && self.place < 0; i++) {
        int place = (first + i) % METRIC_PLACES;
        if (fs_lock_range(self.file.fd, place, 1, NULL) > 0)
            self.place = place;
    }
}

static int open_again(struct err *err)
{
    forget();
    self.looked = clock_ms();
    if (metric_file_open(&self.file, self.directory, self.root, self.mode, err) < 0)
        return -1;
    self.shared = self.file.shared;
    if (self.serves)
        take_place();
    return 0;
}

int metric_open(const char *directory, const char *root, mode_t mode, struct err *err)
{
    free(self.directory);
    free(self.root);
    self.directory = mem_strdup(directory);
    self.root = mem_strdup(root);
    self.mode = mode;
    timing_tell(told);
    return open_again(err);
}

bool metric_is_shared(void)
{
    return self.file.shared != NULL;
}

void metric_close(void)
{
    timing_tell(NULL);
    forget();
    free(self.directory);
    free(self.root);
    self.directory = self.root = NULL;
    self.serves = self.once = false;
}

/* --- who serves --- */

static void be(uint32_t state, uint32_t handler)
{
    if (self.place < 0)
        return;
    struct metric_place *place = &self.shared->places[self.place];
    atomic_store_explicit(&place->handler, handler, memory_order_relaxed);
    atomic_store_explicit(&place->state, self.once ? METRIC_ONCE : state, memory_order_relaxed);
}

void metric_serve(void)
{
    self.serves = true;
    take_place();
    metric_idle();
}

void metric_serve_once(void)
{
    self.once = true;
    metric_serve();
}

void metric_idle(void)
{
    be(METRIC_IDLE, 0);
}

void metric_busy(void)
{
    int64_t now = clock_ms();

    if (self.directory && now - self.looked >= LOOK_MS) {
        self.looked = now;
        if (!self.file.shared || !metric_file_is_current(&self.file))
            open_again(NULL);
    }
    be(METRIC_BUSY, 0);
}

void metric_handles(enum metric_handler handler)
{
    be(METRIC_BUSY, (uint32_t)handler + 1);
}

/* Whether somebody has the place still. What is left of who was killed is cleared. */
static bool lives(int place)
{
    if (place == self.place)
        return true;
    int held = fs_lock_is_held(self.file.fd, place, NULL);
    if (held == 0)
        atomic_store(&self.shared->places[place].state, METRIC_FREE);
    return held != 0;
}

void metric_look(struct metric_busyness *busyness)
{
    *busyness = (struct metric_busyness){0};
    for (int i = 0; i < METRIC_PLACES; i++) {
        const struct metric_place *place = &self.shared->places[i];
        uint32_t state = atomic_load(&place->state);
        uint32_t handler = atomic_load(&place->handler);
        if (state == METRIC_FREE || !lives(i))
            continue;
        busyness->idle += state == METRIC_IDLE;
        busyness->busy += state == METRIC_BUSY;
        busyness->once += state == METRIC_ONCE;
        if (state != METRIC_IDLE && handler > 0 && handler <= METRIC_HANDLERS)
            busyness->handling[handler - 1]++;
    }
}

/* --- counting --- */

struct metric_shared *metric_now(void)
{
    return self.shared;
}

void metric_add(enum metric_counter counter, int64_t n)
{
    add(&self.shared->counters[counter], n);
}

void metric_set(enum metric_counter counter, int64_t n)
{
    atomic_store_explicit(&self.shared->counters[counter], n, memory_order_relaxed);
}

static int method_of(const char *name)
{
    static const char *const names[METRIC_METHODS] = {"",    "GET",   "HEAD",   "POST",
                                                      "PUT", "PATCH", "DELETE", "OPTIONS"};

    for (int i = 1; name && i < METRIC_METHODS; i++)
        if (!strcmp(names[i], name))
            return i;
    return 0;
}

static int status_of(int status)
{
    for (int i = 1; i < METRIC_STATUSES; i++)
        if (metric_statuses[i] == status)
            return i;
    return 0;
}

void metric_count(const struct metric_request *request)
{
    struct metric_shared *to = self.shared;
    int method = method_of(request->method);

    add(&to->requests[request->handler][method][status_of(request->status)], 1);
    add_value(&to->durations[request->handler][method], &metric_times, request->nanoseconds);
    add_value(&to->taken[request->handler], &metric_sizes, request->taken);
    add_value(&to->sent[request->handler], &metric_sizes, request->sent);
}
