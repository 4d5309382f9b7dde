/* SPDX-License-Identifier: Apache-2.0
 *
 * An open store: any number of processes, on one host or on several with a shared POSIX file
 * system, use one at the same time. Format and locks: berth-store(5).
 *
 * Durability: a change is made of steps whose order is: data fsynced, renamed into place,
 * directories fsynced (dirty_sync), only then the next name that points at it. Functions that
 * take `dirty` add the directories that they changed; whoever calls them decides where the barriers
 * stand.
 */
#ifndef BERTH_STORE_STORE_H
#define BERTH_STORE_STORE_H

#include "base/fs_new.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "store/store_settings.h"

#include <stdint.h>

#define STORE_ID_SIZE 64 /* with its NUL */

struct store {
    bool shared;            /* several hosts serve it: storage.h */
    bool is_read_only;      /* its file system is mounted so */
    char id[STORE_ID_SIZE]; /* of one that is shared: _berth/id */
    bool lost;              /* it is not open, or was not to be reached: store_return */
    bool is_adopted;        /* this process was the first of berth in a store of another program */
    struct fs_root fs;      /* at LAYOUT_PREFIX */
    char *path;             /* the same as an absolute path, for X-Sendfile */
    int lock_timeout_ms;    /* how long to wait for a lock */
    int64_t grace;          /* seconds, see store_settings.h */
    int64_t manifest_limit; /* bytes */
    int64_t upload_limit;   /* of open sessions of one user in one repository; 0: none */
};

/* What to say of a store with is_adopted; %s: its root. */
#define STORE_ADOPTED                                                                              \
    "%s was kept by another program until now: run berth fsck --repair once, which brings in its " \
    "referrers and finds what may be wrong"

/* create: makes what is missing, as everyone does who will change the store; without it nothing is
 * written, and a directory that holds no store is an ERR_IO that says so. With create an ERR_IO
 * says what to do where this user may not write. A file system that cannot be written is opened to
 * read, with `readonly`; else that is an ERR_READ_ONLY. ERR_CONFIG: the store is of a newer
 * version. A shared one is never made, since what looks empty is a mount that is missing: without
 * its id it is ERR_UNREACHABLE. */
int store_open(struct store *store, const struct store_settings *settings, bool create,
               struct err *err);

/* Whether the store can be reached at this moment: ERR_UNREACHABLE where its mount has gone. */
int store_reach(const struct store *store, struct err *err);
/* Opens it again where it is lost, which another mount may have mended; it has to have the id that
 * it had. One without an id is not made again, for it may be that nothing is mounted. settings are
 * what it was opened with. 1: it was opened again, 0: it was not lost. */
int store_return(struct store *store, const struct store_settings *settings, struct err *err);
/* For fsck: whatever stands in it, as long as there is a directory. Writes nothing. */
int store_open_any(struct store *store, const struct store_settings *settings, struct err *err);
/* Makes what is missing of an open store, as `create` does, and checks its version. */
int store_make(struct store *store, struct err *err);
/* Checks its version alone. */
int store_check(struct store *store, struct err *err);
void store_close(struct store *store);
/* A view in which nothing exists, to read from; closed like a store. */
int store_open_nothing(struct store *nothing, const struct store *store, struct err *err);

/* Makes path hold the bytes, whole or not at all; its directories as needed. */
int store_write(const struct store *store, const char *path, const void *bytes, size_t len,
                struct dirty *dirty, struct err *err);
/* Makes path a link to digest: exactly "<algorithm>:<hex>", no newline. */
int store_write_link(const struct store *store, const char *path, const struct digest *digest,
                     struct dirty *dirty, struct err *err);
/* The first step of writing something whose name comes later, of bytes or of a file's content. */
int store_prepare(const struct store *store, const void *bytes, size_t len, struct fs_new *file,
                  struct dirty *dirty, struct err *err);
int store_prepare_copy(const struct store *store, int fd, int64_t size, struct fs_new *file,
                       struct dirty *dirty, struct err *err);
/* Whether a link stands there. What it points at is in its path, except for a tag's current/link.
 */
int store_has_link(const struct store *store, const char *path, struct err *err);
/* Renews the mtime of a plain file that is older than half the grace, to keep the collector away
 * from it (gc/gc.h); a younger one is safe for long enough. 0: there is none. Wants lock_gc shared.
 */
int store_freshen(const struct store *store, const char *path, struct err *err);
/* Whether store_freshen would renew it. */
int store_is_stale(const struct store *store, const char *path, struct err *err);
/* When it was written or touched last, in nanoseconds since 1970. 0: there is none. */
int store_link_time(const struct store *store, const char *path, int64_t *when, struct err *err);
/* Removes a link and its directory, which nothing else lives in. */
int store_remove_link(const struct store *store, const char *path, struct dirty *dirty,
                      struct err *err);

/* Opens a file of one's own for a while, on the file system of the store. It has no name any more,
 * so that it is gone when *fd is closed, however the process ends. */
int store_scratch(const struct store *store, int *fd, struct err *err);

#endif
