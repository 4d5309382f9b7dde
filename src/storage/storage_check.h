/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds out whether a file system shows at once what another host did: two processes, one on each
 * host, meet by a word, and take turns in changing something and looking at it. They tell each
 * other by locks, which no cache holds back: where those do not exclude, nothing else counts.
 */
#ifndef BERTH_STORAGE_STORAGE_CHECK_H
#define BERTH_STORAGE_STORAGE_CHECK_H

#include "storage/storage.h"
#include "storage/storage_meet.h"

/* What clocks may differ by, see berth-store(5). */
#define STORAGE_CLOCK_MAX_MS 60000

/* What one does and the other looks at, in the order in which it is done. */
enum storage_change {
    STORAGE_REPLACED, /* a file by another one, as a tag's current/link: what is read */
    STORAGE_TOUCHED,  /* its mtime */
    STORAGE_CREATED,  /* a file that the other one found missing */
    STORAGE_REMOVED,
};
#define STORAGE_CHANGES 4

struct storage_look {
    int rounds;
    int late;        /* in how many it was not seen at once */
    int64_t late_ms; /* how late at most */
};

struct storage_checked {
    char host[STORAGE_HOST_SIZE]; /* this one */
    char with[STORAGE_HOST_SIZE];
    bool same_kernel; /* it is no other host */
    bool first;       /* of the two */
    bool locks;       /* they exclude: if not, nothing else was looked at */
    struct storage_look looks[STORAGE_CHANGES]; /* by this host */
    struct storage_look other[STORAGE_CHANGES]; /* by the other one */
    int64_t clock_ms;                           /* by which the two clocks differ at most */
    int64_t server_ms; /* by which this clock differs from that of the files' times */
};

/* Meets the other one, and looks. Errors of storage_meet.h. */
int storage_check(const struct storage_meeting *meeting, struct storage_checked *checked,
                  struct err *err);
/* What one host can find out by itself: locks between two processes of it, and server_ms. */
int storage_check_alone(const struct fs_root *root, const char *dir,
                        struct storage_checked *checked, struct err *err);

/* What follows from it for this host. Where locks do not exclude, how late it may see changes is
 * STORAGE_UNKNOWN_MS, for nobody looked. */
struct storage storage_check_verdict(const struct storage_checked *checked);

#endif
