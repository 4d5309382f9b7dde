/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector's look at upload sessions: those to which nothing came for the grace go. */
#include "gc/uploads.h"

#include "base/dir.h"
#include "base/fs_lock.h"
#include "base/litter.h"
#include "store/layout.h"
#include "store/trash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* What a session holds: the newest mtime and the bytes. Of another program's files the sizes count.
 */
struct session {
    const struct pass *pass;
    const char *dir;
    int64_t newest;
    int64_t bytes;
    int64_t data; /* of these */
    int result;
    struct err *err;
};

static bool visit_file(void *context, const char *file)
{
    struct session *session = context;
    AUTO_BUF path = BUF_INIT;
    struct stat st;

    buf_addf(&path, "%s/%s", session->dir, file);
    int found = fs_stat(&session->pass->store->fs, path.s, &st, session->err);
    if (found < 0)
        session->result = -1;
    if (found <= 0)
        return found < 0;
    session->bytes += S_ISREG(st.st_mode) ? st.st_size : 0;
    if (!strcmp(file, LAYOUT_DATA))
        session->data = st.st_size;
    session->newest = fs_mtime(&st) > session->newest ? fs_mtime(&st) : session->newest;
    return false;
}

/* 0: it is gone. */
static int look(struct session *session, struct err *err)
{
    struct stat st;

    session->bytes = session->data = 0;
    session->result = 0;
    session->err = err;
    int found = fs_stat(&session->pass->store->fs, session->dir, &st, err);
    if (found <= 0)
        return found;
    session->newest = fs_mtime(&st);
    if (!S_ISDIR(st.st_mode))
        return 1;
    found = dir_each(&session->pass->store->fs, session->dir, visit_file, session, err);
    return session->result < 0 ? -1 : found;
}

static bool is_stale(const struct session *session)
{
    return session->newest < pass_before(session->pass, session->pass->options->grace);
}

/* Whoever writes to it holds the lock on its data. Without data nobody can. */
static int remove_session(struct session *session, struct err *err)
{
    const struct fs_root *fs = &session->pass->store->fs;
    AUTO_BUF data = BUF_INIT;
    AUTO_LOCKED_FD fd = -1;

    buf_addf(&data, "%s/data", session->dir);
    int found = fs_open(fs, data.s, O_RDWR, &fd, err);
    if (found > 0)
        found = fs_lock_try(fd, FS_LOCK_EXCLUSIVE, err);
    else if (found == 0)
        found = 1;
    if (found > 0)
        found = look(session, err);
    if (found <= 0 || !is_stale(session))
        return found < 0 ? -1 : 0;
    /* The name first: half a session is none that anyone could go on with. */
    AUTO_STRINGS trash = {0};
    AUTO_DIRTY dirty = {0};
    found = trash_move(session->pass->store, session->dir, &trash, &dirty, err);
    fs_lock_close(&fd);
    return found > 0 && trash_empty(session->pass->store, &trash, err) < 0 ? -1 : found;
}

static int sweep_session(struct pass *pass, const struct name *name, const char *id, size_t *left,
                         struct err *err)
{
    struct gc_item item = {GC_UPLOAD, name, id, 0, 0};
    AUTO_BUF dir = BUF_INIT;
    struct layout_path uploads;

    buf_addf(&dir, "%s/%s", layout_uploads(&uploads, name), id);
    struct session session = {.pass = pass, .dir = dir.s};
    int found = look(&session, err);
    if (found <= 0)
        return found;
    if (is_stale(&session))
        found = pass->options->dry_run ? 1 : remove_session(&session, err);
    else
        found = 0;
    if (found <= 0) {
        (*left)++;
        pass->totals->uploads.kept++;
        pass->totals->upload_bytes += session.data;
        return found;
    }
    item.bytes = session.bytes;
    item.age = pass_age(pass, session.newest);
    pass->totals->uploads.removed++;
    pass->totals->bytes += session.bytes;
    pass_removes(pass, &item);
    return 0;
}

int uploads_sweep(struct pass *pass, const struct name *name, size_t *left, struct err *err)
{
    AUTO_STRINGS ids = {0};
    struct layout_path dir;

    *left = 0;
    if (dir_list(&pass->store->fs, layout_uploads(&dir, name), &ids, err) < 0)
        return -1;
    for (size_t i = 0; i < ids.n; i++)
        if (!litter_is(ids.v[i], true) && sweep_session(pass, name, ids.v[i], left, err) < 0)
            return -1;
    return 0;
}
