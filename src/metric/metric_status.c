/* SPDX-License-Identifier: Apache-2.0
 * L2: how a store and those who serve it are. */
#include "metric/metric_status.h"

#include "base/amount.h"
#include "base/buf.h"
#include "metric/metric_shared.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#define DAY 86400
#define ROOM_PART 20 /* less than one of so many parts is too little */
#define GC_DAYS 3

static int64_t get(enum metric_counter counter)
{
    return atomic_load(&metric_now()->counters[counter]);
}

/* Of what began before the counters did, only the end is counted. */
static int64_t get_open(enum metric_counter counter)
{
    int64_t n = get(counter);

    return n > 0 ? n : 0;
}

static void count_requests(struct metric_status *status)
{
    struct metric_shared *from = metric_now();

    for (int h = 0; h < METRIC_HANDLERS; h++)
        for (int m = 0; m < METRIC_METHODS; m++)
            for (int s = 0; s < METRIC_STATUSES; s++) {
                int64_t n = atomic_load(&from->requests[h][m][s]);
                status->requests += n;
                status->failed += metric_statuses[s] >= 500 ? n : 0;
            }
}

static void look_at_room(struct metric_status *status, const char *root)
{
    struct statvfs st;
    AUTO_BUF text = BUF_INIT;

    if (statvfs(root, &st) < 0) {
        buf_addf(&text, "%s cannot be reached: %s", root, strerror(errno));
        strings_add(&status->problems, text.s);
        return;
    }
    status->size = (int64_t)(st.f_blocks * st.f_frsize);
    status->free = (int64_t)(st.f_bavail * st.f_frsize);
    status->files = (int64_t)st.f_files;
    status->files_free = (int64_t)st.f_favail;
    if (status->free < status->size / ROOM_PART)
        strings_add(&status->problems, "less than 5 % of the room is free: see berth du");
    if (status->files > 0 && status->files_free < status->files / ROOM_PART)
        strings_add(&status->problems, "the file system can make few files more");
}

static void look_for_problems(struct metric_status *status)
{
    AUTO_BUF text = BUF_INIT;
    char amount[AMOUNT_TEXT];
    int64_t now = (int64_t)time(NULL);

    if (status->gc_at && now - status->gc_at > GC_DAYS * DAY) {
        amount_age(amount, now - status->gc_at);
        buf_addf(&text, "no garbage was collected for %s: is berth-gc.timer enabled?", amount);
        strings_add(&status->problems, text.s);
        buf_clear(&text);
    }
    if (status->faults) {
        amount_count(amount, status->faults, "fault");
        buf_addf(&text, "the last berth fsck left %s: see berth fsck --repair", amount);
        strings_add(&status->problems, text.s);
    }
    if (status->busy > 1 && status->idle == 0)
        strings_add(&status->problems, "all workers are busy: clients may wait");
}

void metric_status_read(struct metric_status *status, const char *root)
{
    struct metric_busyness busyness;

    *status =
        (struct metric_status){.counted = metric_is_shared(),
                               .since = metric_now()->head.since,
                               .logins_failed = get(METRIC_LOGIN_PASSWORD) +
                                                get(METRIC_LOGIN_TOKEN) + get(METRIC_LOGIN_EXPIRED),
                               .denied = get(METRIC_DENIED),
                               .uploads = get_open(METRIC_UPLOADS_OPEN),
                               .upload_bytes = get_open(METRIC_UPLOAD_BYTES),
                               .gc_at = get(METRIC_GC_AT),
                               .store_bytes = get(METRIC_STORE_BYTES),
                               .blobs = get(METRIC_STORE_BLOBS),
                               .manifests = get(METRIC_STORE_MANIFESTS),
                               .tags = get(METRIC_STORE_TAGS),
                               .repositories = get(METRIC_STORE_REPOSITORIES),
                               .garbage_bytes = get(METRIC_GARBAGE_BYTES),
                               .fsck_at = get(METRIC_FSCK_AT),
                               .faults = get(METRIC_FSCK_FAULTS)};
    metric_look(&busyness);
    status->busy = busyness.busy;
    status->idle = busyness.idle;
    status->once = busyness.once;
    count_requests(status);
    look_at_room(status, root);
    look_for_problems(status);
}

void metric_status_free(struct metric_status *status)
{
    strings_free(&status->problems);
}
