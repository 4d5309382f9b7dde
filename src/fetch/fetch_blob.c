/* SPDX-License-Identifier: Apache-2.0
 * L4: filling blobs. Owns _berth/fetch/<algorithm> together with cache/fill.c. */
#include "fetch/fetch.h"

#include "base/fs_lock.h"
#include "base/log.h"
#include "cache/fill.h"
#include "cache/place.h"
#include "oci/digester.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_BEHIND ((int64_t)8 << 20)

struct filling {
    struct fetch *fetch;
    const struct store *store;
    struct digest digest;
    struct digester digester;
    int64_t have; /* bytes of the file, all of them hashed */
    int64_t size; /* -1: not known yet */
    int64_t sent; /* of them to the disk */
    bool is_bad;  /* it is all there, and another digest's */
};

static int wrong(const struct filling *filling, const char *what, struct err *err)
{
    return err_set(err, ERR_UPSTREAM_CONTENT, "%s: %s of %s: %s",
                   filling->fetch->origin.upstream->title, filling->digest.s,
                   filling->fetch->origin.remote.s, what);
}

static int begin(void *context, int64_t size, struct err *err)
{
    struct filling *filling = context;
    struct digest empty;

    digester_of(&empty, filling->digest.algorithm, "", 0);
    if (size == 0 && !digest_equal(&empty, &filling->digest))
        return wrong(filling, "it is empty there", err);
    if (size < 0) /* those who wait are told once it is all there */
        return 0;
    filling->size = size;
    return fill_tell_size(filling->store, &filling->digest, size,
                          filling->fetch->origin.upstream->title, filling->fetch->name.s, err);
}

static int take(void *context, const void *bytes, size_t len, struct err *err)
{
    struct filling *filling = context;

    if (filling->size >= 0 && filling->have + (int64_t)len > filling->size)
        return wrong(filling, "it is longer than it said", err);
    if (file_pwrite_all(JOB_HELD, bytes, len, filling->have, err) < 0)
        return -1;
    digester_update(&filling->digester, bytes, len);
    filling->have += (int64_t)len;
    if (filling->have - filling->sent >= WRITE_BEHIND) {
        fs_write_behind(&filling->store->fs, JOB_HELD, filling->sent,
                        filling->have - filling->sent);
        filling->sent = filling->have;
    }
    return 0;
}

/* What one before us has written, who was killed or gave up. */
static int take_up(struct filling *filling, struct err *err)
{
    static char bytes[65536];
    struct stat st;

    if (fstat(JOB_HELD, &st) < 0)
        return err_sys(err, errno, "the lock is missing");
    while (filling->have < st.st_size) {
        int64_t left = st.st_size - filling->have;
        size_t len = left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes;
        if (file_pread_all(JOB_HELD, bytes, len, filling->have, err) < 0)
            return -1;
        digester_update(&filling->digester, bytes, len);
        filling->have += (int64_t)len;
    }
    return 0;
}

/* Where the rest begins has to be known to lie before the end. 1, or 0: there is no such blob. */
static int ask_size(struct filling *filling, struct err *err)
{
    int64_t size;

    int found = remote_blob_head(filling->fetch->remote, &filling->fetch->origin.remote,
                                 &filling->digest, &size, err);
    if (found <= 0 || size < 0)
        return found;
    return begin(filling, size, err) < 0 ? -1 : 1;
}

static int draw(struct filling *filling, struct err *err)
{
    const struct remote_sink sink = {begin, take, filling};
    struct remote_part part = REMOTE_WHOLE;
    int found = 1;

    if (filling->have)
        found = ask_size(filling, err);
    if (found > 0 && filling->size >= 0 && filling->have > filling->size)
        return wrong(filling, "it was longer before", err);
    part.first = filling->have;
    part.size = filling->size;
    if (found > 0 && filling->have != filling->size)
        found = remote_blob_get(filling->fetch->remote, &filling->fetch->origin.remote,
                                &filling->digest, &part, &sink, err);
    return found == 0 ? fetch_unknown(filling->fetch, ERR_BLOB_UNKNOWN, err) : found;
}

static int check(struct filling *filling, struct err *err)
{
    struct digest actual;

    digester_final(&filling->digester, &actual);
    if (digest_equal(&actual, &filling->digest))
        return 0;
    filling->is_bad = true;
    log_error("%s sent %s under the digest %s", filling->fetch->origin.upstream->title, actual.s,
              filling->digest.s);
    return wrong(filling, "what it sends has another digest", err);
}

/* While it came it was nobody's to read but ours; the web server reads blobs. */
static int open_up(const struct filling *filling, struct err *err)
{
    struct layout_path path;

    layout_blob(&path, &filling->digest);
    return fchmod(JOB_HELD, fs_file_mode(&filling->store->fs, path.s)) == 0
               ? 0
               : err_sys(err, errno, "mode of %s", path.s);
}

/* The order of a push: registry/push_blob.c. */
static int publish(struct filling *filling, struct err *err)
{
    const struct store *store = filling->store;
    const struct name *name = &filling->fetch->name;
    struct place place;
    AUTO_LOCK gc = {-1};
    AUTO_DIRTY dirty = {0};

    if (open_up(filling, err) < 0 || fs_sync_file(&store->fs, JOB_HELD, err) < 0 ||
        lock_gc(store, FS_LOCK_SHARED, &gc, err) < 0 || repo_create(store, name, &dirty, err) < 0 ||
        blob_publish_file(store, &filling->digest, place_data(&place, &filling->digest), &dirty,
                          err) < 0 ||
        dirty_sync(&store->fs, &dirty, err) < 0 ||
        repo_link_layer(store, name, &filling->digest, &dirty, err) < 0 ||
        dirty_sync(&store->fs, &dirty, err) < 0)
        return -1;
    fs_unlink(&store->fs, place_head(&place, &filling->digest), &dirty, NULL);
    return 0;
}

/* A file with nothing in it helps nobody who comes later. What came under this digest is kept for
 * who wants to know, in the place of what came before. Once the file is gone from where it was,
 * another filler may begin there: what is told is told before, and it is touched once. */
static void leave(const struct filling *filling, const struct err *failure)
{
    const struct store *store = filling->store;
    struct place data, bad;
    AUTO_DIRTY dirty = {0};

    fill_tell_failure(store, &filling->digest, failure);
    place_data(&data, &filling->digest);
    if (filling->is_bad)
        fs_rename(&store->fs, data.s, place_bad(&bad, &filling->digest), &dirty, NULL);
    else if (filling->have == 0 || failure->code == ERR_UPSTREAM_CONTENT)
        fs_unlink(&store->fs, data.s, &dirty, NULL);
}

int fetch_blob(struct fetch *fetch, struct buf *text, struct err *err)
{
    struct filling filling = {.fetch = fetch, .store = fetch->registry.store, .size = -1};
    AUTO_LOCKED_FD connection = -1;
    struct err failure;

    (void)text;
    if (fetch_digest(fetch, &filling.digest, err) < 0)
        return -1;
    digester_init(&filling.digester, filling.digest.algorithm);
    int done = mark_connection(filling.store, fetch->origin.upstream, &connection, &failure);
    if (done >= 0)
        done = take_up(&filling, &failure);
    if (done == 0)
        done = draw(&filling, &failure);
    if (done >= 0)
        done = check(&filling, &failure);
    if (done == 0)
        done = publish(&filling, &failure);
    digester_free(&filling.digester);
    if (done < 0) {
        leave(&filling, &failure);
        return err_copy(err, &failure);
    }
    return 0;
}
