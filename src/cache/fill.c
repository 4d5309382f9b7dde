/* SPDX-License-Identifier: Apache-2.0
 * L3: cold blobs while they are filled. Owns _berth/fetch/<algorithm>. */
#include "cache/fill.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/dir.h"
#include "base/fs_lock.h"
#include "base/log.h"
#include "cache/place.h"
#include "store/blob.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD_SIZE_MAX 4096
#define STARTS_MAX 5 /* of fillers that were killed */
#define SILENT "berth-fetch ends without a word, see the server's log"
#define PAUSE_FIRST_MS 1
#define PAUSE_MAX_MS 20

static void pause_longer(int *ms)
{
    const struct timespec pause = {.tv_nsec = (long)*ms * 1000000};

    nanosleep(&pause, NULL);
    *ms = *ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : *ms * 2;
}

/* 1, or 0: it is not there, and was not to be made. */
static int open_file(const struct store *store, const char *path, int flags, int *fd,
                     struct err *err)
{
    AUTO_BUF dir = BUF_INIT;
    AUTO_DIRTY dirty = {0}; /* what is lost is asked for again */

    int opened = fs_open(&store->fs, path, flags, fd, err);
    if (opened || !(flags & O_CREAT))
        return opened;
    buf_add(&dir, path, (size_t)(strrchr(path, '/') - path));
    if (dir_make(&store->fs, dir.s, &dirty, err) < 0)
        return -1;
    return fs_open(&store->fs, path, flags, fd, err);
}

static int write_head(const struct store *store, const struct digest *digest,
                      const struct buf *line, struct err *err)
{
    struct place place;
    AUTO_FD fd = -1;

    int opened =
        open_file(store, place_head(&place, digest), O_WRONLY | O_CREAT | O_TRUNC, &fd, err);
    if (opened <= 0)
        return opened < 0 ? -1 : err_set(err, ERR_IO, "%s went away", place.s);
    return file_pwrite_all(fd, line->s, line->len, 0, err);
}

int fill_tell_size(const struct store *store, const struct digest *digest, int64_t size,
                   const char *upstream, const char *name, struct err *err)
{
    AUTO_BUF line = BUF_INIT;

    buf_addf(&line, "%jd %s %s\n", (intmax_t)size, upstream, name);
    return write_head(store, digest, &line, err);
}

void fill_tell_failure(const struct store *store, const struct digest *digest,
                       const struct err *failure)
{
    AUTO_BUF line = BUF_INIT;
    struct err err;

    job_say(&line, failure);
    if (write_head(store, digest, &line, &err) < 0)
        log_error("%s: %s", digest->s, err.msg);
}

/* 1: the size is known, and who fills it. 0: not yet. -1: why it failed. */
static int read_head(struct fill *fill, struct err *err)
{
    struct place place;
    AUTO_BUF line = BUF_INIT;
    AUTO_BUF text = BUF_INIT;
    AUTO_BUF mine = BUF_INIT;

    if (fs_read(&fill->store->fs, place_head(&place, &fill->digest), HEAD_SIZE_MAX, &line, NULL) <=
            0 ||
        line.len == 0 || line.s[line.len - 1] != '\n')
        return 0;
    if (line.s[0] < '0' || line.s[0] > '9')
        return job_read(&line, &text, err) < 0 ? -1 : 0;
    size_t len = strcspn(line.s, " ");
    if (!decimal_parse(line.s, len, &fill->size))
        return 0;
    buf_addf(&mine, " %s %s\n", fill->job.upstream, fill->job.name);
    fill->is_other = strcmp(line.s + len, mine.s) != 0;
    return 1;
}

static bool is_same_file(const struct store *store, const char *path, int fd)
{
    struct stat there, here;

    return fs_stat(&store->fs, path, &there, NULL) > 0 && fstat(fd, &here) == 0 &&
           there.st_ino == here.st_ino && there.st_dev == here.st_dev;
}

static bool is_published(struct fill *fill)
{
    struct layout_path path;

    fill->is_whole =
        fill->is_whole || is_same_file(fill->store, layout_blob(&path, &fill->digest), fill->fd);
    return fill->is_whole;
}

static bool is_in_place(const struct fill *fill)
{
    struct place place;

    return is_same_file(fill->store, place_data(&place, &fill->digest), fill->fd);
}

/* Hands the lock over: our descriptor, which shares it, is closed, for it would hold it, too. */
static int start(struct fill *fill, struct err *err)
{
    struct place place;
    AUTO_DIRTY dirty = {0};

    if (fs_unlink(&fill->store->fs, place_head(&place, &fill->digest), &dirty, err) < 0 ||
        job_start(&fill->job, fill->fd, err) < 0) {
        fs_lock_close(&fill->fd);
        return -1;
    }
    file_close(&fill->fd);
    return 0;
}

/* What was found out while joining. */
struct joining {
    bool seen;  /* somebody filled it since we came: what he told is news */
    int starts; /* of fillers */
};

/* With the lock: 1: *state is it, 0: look again. */
static int take_over(struct fill *fill, struct joining *joining, enum fill_state *state,
                     struct err *err)
{
    struct err failure;
    int64_t size;

    if (!is_in_place(fill)) { /* it was published or thrown away before we had the lock */
        fs_lock_close(&fill->fd);
        return 0;
    }
    int found = blob_stat(fill->store, &fill->digest, &size, err);
    bool failed = joining->seen && read_head(fill, &failure) < 0;
    if (found != 0 || failed) {
        fs_lock_close(&fill->fd);
        *state = FILL_PUBLISHED;
        return found ? found : err_copy(err, &failure);
    }
    if (joining->starts++ == STARTS_MAX) {
        fs_lock_close(&fill->fd);
        return err_set(err, ERR_INTERNAL, SILENT);
    }
    joining->seen = true;
    return start(fill, err);
}

/* There was a file, and there is none any more. As take_over. */
static int look_where(struct fill *fill, struct joining *joining, enum fill_state *state,
                      struct err *err)
{
    int64_t size;

    int found = blob_stat(fill->store, &fill->digest, &size, err);
    *state = FILL_PUBLISHED;
    if (found)
        return found;
    if (read_head(fill, err) < 0)
        return -1;
    joining->seen = false;
    return 0;
}

static int join_once(struct fill *fill, struct joining *joining, enum fill_state *state,
                     struct err *err)
{
    struct place place;

    if (fill->fd < 0) {
        int opened = open_file(fill->store, place_data(&place, &fill->digest),
                               O_RDWR | (joining->seen ? 0 : O_CREAT), &fill->fd, err);
        if (opened < 0)
            return -1;
        if (opened == 0)
            return look_where(fill, joining, state, err);
    }
    int locked = fs_lock_try(fill->fd, FS_LOCK_EXCLUSIVE, err);
    if (locked)
        return locked < 0 ? -1 : take_over(fill, joining, state, err);
    joining->seen = true;
    *state = FILL_GROWS;
    return read_head(fill, NULL) > 0;
}

int fill_join(struct fill *fill, int timeout_ms, enum fill_state *state, struct err *err)
{
    const int64_t end = clock_ms() + timeout_ms;
    struct joining joining = {0};
    int joined, pause = PAUSE_FIRST_MS;

    fill->fd = -1;
    while ((joined = join_once(fill, &joining, state, err)) == 0) {
        if (clock_ms() >= end)
            return err_set(err, ERR_UPSTREAM_TIMEOUT, "%s does not answer in time",
                           fill->job.upstream);
        if (joining.seen)
            pause_longer(&pause);
    }
    return joined < 0 ? -1 : 0;
}

void fill_close(struct fill *fill)
{
    file_close(&fill->fd);
}

/* With the lock. One who is killed now and then is replaced; where none comes any further, the
 * configuration may have become wrong. */
static int may_start_again(struct fill *fill, struct err *err)
{
    struct stat st;

    if (fstat(fill->fd, &st) < 0)
        return err_sys(err, errno, "%s", fill->digest.s);
    if (st.st_size > fill->had) {
        fill->had = st.st_size;
        fill->starts = 0;
    }
    return fill->starts++ < STARTS_MAX ? 0 : err_set(err, ERR_INTERNAL, SILENT);
}

/* The filler is gone, and did not publish: it failed, or was killed, and another goes on. */
static int go_on(struct fill *fill, struct err *err)
{
    struct place place;
    AUTO_FD again = -1;
    int64_t size = fill->size;

    int locked = fs_lock_try(fill->fd, FS_LOCK_EXCLUSIVE, err);
    if (locked <= 0)
        return locked;
    if (is_published(fill) || !is_in_place(fill)) {
        fs_lock_release(fill->fd, 0, 0, NULL);
        if (is_published(fill))
            return 0;
        return read_head(fill, err) < 0 ? -1 : err_set(err, ERR_IO, "%s went away", fill->digest.s);
    }
    if (read_head(fill, err) < 0 || may_start_again(fill, err) < 0) {
        fs_lock_release(fill->fd, 0, 0, NULL);
        return -1;
    }
    /* Opened anew, before the descriptor with the lock goes to the filler. */
    if (fs_open(&fill->store->fs, place_data(&place, &fill->digest), O_RDWR, &again, err) < 0 ||
        start(fill, err) < 0)
        return -1;
    fill->size = size;
    fill->fd = again;
    again = -1;
    return 0;
}

ssize_t fill_read(struct fill *fill, void *bytes, size_t len, int64_t off, int timeout_ms,
                  struct err *err)
{
    const int64_t end = clock_ms() + timeout_ms;
    int pause = PAUSE_FIRST_MS;
    struct stat st;

    for (;;) {
        int held = fs_lock_is_held(fill->fd, 0, err); /* before it is looked at what he did */
        bool published = is_published(fill);
        if (held < 0 || fstat(fill->fd, &st) < 0)
            return held < 0 ? -1 : err_sys(err, errno, "%s", fill->digest.s);
        int64_t there = st.st_size < fill->size ? st.st_size : fill->size;
        if (!published && there == fill->size)
            there--;
        if (off < there) {
            ssize_t n = pread(fill->fd, bytes,
                              there - off < (int64_t)len ? (size_t)(there - off) : len, off);
            return n > 0 ? n : err_sys(err, n < 0 ? errno : EIO, "read %s", fill->digest.s);
        }
        if (!held && !published && go_on(fill, err) < 0)
            return -1;
        if (clock_ms() >= end)
            return 0;
        pause_longer(&pause);
    }
}
