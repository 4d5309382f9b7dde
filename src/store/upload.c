/* SPDX-License-Identifier: Apache-2.0
 * L2: upload sessions. Owns repositories/<name>/_uploads/<uuid>/{data,startedat,state}. */
#include "store/upload.h"

#include "base/decimal.h"
#include "base/dir.h"
#include "base/fs_boot.h"
#include "base/fs_lock.h"
#include "base/mem.h"
#include "base/percent.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "oci/hasher.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/trash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `state` is a few lines of "key value"; a user's name is as long as the web server lets it be, and
 * three times that when escaped. */
#define STATE_SIZE_MAX ((size_t)1 << 20)

/* Writeback starts after each so many bytes, so that the final fsync stays short. */
#define WRITE_BEHIND ((int64_t)16 << 20)

/* How long to wait for one who has just ended, on a host that does not know of it yet, or whose
 * connection broke off. */
#define BUSY_MS 100

struct upload_state {
    char *user;
    enum digest_algorithm algorithm;
    int64_t offset;
    char *midstate;       /* "" if there is none */
    char boot[UUID_SIZE]; /* "" if data was synced before */
};

static void state_free(struct upload_state *state)
{
    free(state->user);
    free(state->midstate);
}

static bool state_parse(struct upload_state *state, char *text)
{
    char *user = text_take_line(text, "user");
    char *algorithm = text_take_line(text, "algorithm");
    char *offset = text_take_line(text, "offset");
    char *midstate = text_take_line(text, "midstate");
    char *boot = text_take_line(text, "boot");
    AUTO_BUF decoded = BUF_INIT;

    text_end_line(user);
    text_end_line(algorithm);
    text_end_line(offset);
    text_end_line(midstate);
    text_end_line(boot);
    buf_addstr(&decoded, "");
    if (!user || !algorithm || !offset || !percent_decode_query(&decoded, user, strlen(user)) ||
        digest_algorithm_parse(&state->algorithm, algorithm, NULL) < 0 ||
        !decimal_parse(offset, strlen(offset), &state->offset))
        return false;
    state->user = mem_strdup(decoded.s);
    state->midstate = mem_strdup(midstate ? midstate : "");
    snprintf(state->boot, sizeof state->boot, "%s", boot ? boot : "");
    return true;
}

/* Whether data holds what was written to it, and not what a power cut left of that. */
static bool is_kept(const struct store *store, const struct upload_state *state)
{
    char boot[UUID_SIZE];

    return !state->boot[0] || (fs_boot(&store->fs, boot) > 0 && !strcmp(boot, state->boot));
}

/* Reads `state`, or makes one up from `data` where it is missing or unreadable. 0: no such session.
 */
static int state_read(const struct store *store, const struct name *name, const char *id,
                      struct upload_state *state, struct err *err)
{
    struct layout_path path;
    AUTO_BUF text = BUF_INIT;
    struct stat st;

    *state = (struct upload_state){0};
    int has_data = fs_stat(&store->fs, layout_upload(&path, name, id, "data"), &st, err);
    if (has_data <= 0)
        return has_data;
    int found =
        fs_read(&store->fs, layout_upload(&path, name, id, "state"), STATE_SIZE_MAX, &text, err);
    if (found < 0)
        return -1;
    if (found && state_parse(state, text.s)) {
        bool lost = state->offset > st.st_size;
        if (lost)
            state->offset = st.st_size;
        if (lost || !is_kept(store, state))
            state->midstate[0] = '\0';
        return 1;
    }
    if (found)
        return err_set(err, ERR_UPLOAD_UNKNOWN, "its state is damaged: start the upload again");
    state->algorithm = DIGEST_SHA256;
    state->offset = st.st_size;
    state->user = NULL;
    state->midstate = mem_strdup("");
    return 1;
}

static bool state_is_for(const struct upload_state *state, const char *user)
{
    return !state->user || !strcmp(state->user, user);
}

static int unknown(struct err *err, const char *id)
{
    return err_set(err, ERR_UPLOAD_UNKNOWN, "%s", id);
}

/* A session's files are for who asks before the power goes. */
static int write_lightly(const struct store *store, const char *path, const void *bytes, size_t len,
                         struct err *err)
{
    struct store light = *store;
    AUTO_DIRTY unneeded = {0};

    light.fs.durable = false;
    return store_write(&light, path, bytes, len, &unneeded, err);
}

/* A new file, open; where nobody knows of it yet, nobody sees it half-written. */
static int create_file(const struct store *store, const char *path, const void *bytes, size_t len,
                       int *fd, struct err *err)
{
    int made = fs_open(&store->fs, path, O_RDWR | O_CREAT | O_EXCL, fd, err);

    if (made == 0)
        return err_sys(err, ENOENT, "create %s", path);
    return made < 0 ? -1 : file_pwrite_all(*fd, bytes, len, 0, err);
}

static int write_first(const struct store *store, const char *path, const void *bytes, size_t len,
                       struct err *err)
{
    AUTO_FD fd = -1;

    return create_file(store, path, bytes, len, &fd, err);
}

/* Nobody can have locked what is new, but the collector for a moment. */
static int create_data(struct upload *upload, const char *path, struct err *err)
{
    if (create_file(upload->store, path, "", 0, &upload->fd, err) < 0)
        return -1;
    int locked = fs_lock_wait(upload->fd, FS_LOCK_EXCLUSIVE, BUSY_MS, err);
    return locked == 0 ? err_set(err, ERR_IO, "%s cannot be locked", path) : locked < 0 ? -1 : 0;
}

static void begin(struct upload *upload, const struct store *store, const struct name *name,
                  enum digest_algorithm algorithm)
{
    *upload = (struct upload){.store = store, .name = *name, .fd = -1};
    digester_init(&upload->digester, algorithm);
    upload->digester_valid = true;
}

int upload_create(const struct store *store, const struct name *name, const char *user,
                  enum digest_algorithm algorithm, struct upload *upload, struct err *err)
{
    AUTO_DIRTY unneeded = {0}; /* whoever publishes something there makes it durable */
    struct layout_path path;
    char started[RFC3339_SIZE];

    begin(upload, store, name, algorithm);
    upload->user = mem_strdup(user);
    uuid_make(upload->id);
    rfc3339_format(started, time(NULL));
    if (dir_make(&store->fs, layout_upload(&path, name, upload->id, NULL), &unneeded, err) == 0 &&
        write_first(store, layout_upload(&path, name, upload->id, "startedat"), started,
                    strlen(started), err) == 0 &&
        create_data(upload, layout_upload(&path, name, upload->id, "data"), err) == 0)
        return 0;
    dir_remove_tree(&store->fs, layout_upload(&path, name, upload->id, NULL), NULL);
    upload_close(upload);
    return -1;
}

int upload_begin(const struct store *store, const struct name *name,
                 enum digest_algorithm algorithm, struct upload *upload, struct err *err)
{
    AUTO_DIRTY unneeded = {0};
    struct layout_path path;

    begin(upload, store, name, algorithm);
    upload->alone = true;
    snprintf(upload->tmp, sizeof upload->tmp, "%s", layout_tmp(&path));
    if (create_data(upload, path.s, err) == 0)
        return 0;
    upload_remove(upload, &unneeded, NULL);
    upload_close(upload);
    return -1;
}

/* Opens data and takes its lock; afterwards data may no longer be what it was, if somebody finished
 * the upload between the two. */
static int open_locked(struct upload *upload, struct err *err)
{
    struct layout_path path;
    struct stat open_file, named_file;
    const struct fs_root *fs = &upload->store->fs;

    layout_upload(&path, &upload->name, upload->id, "data");
    int found = fs_open(fs, path.s, O_RDWR, &upload->fd, err);
    if (found <= 0)
        return found < 0 ? -1 : unknown(err, upload->id);
    int locked = fs_lock_try(upload->fd, FS_LOCK_EXCLUSIVE, err);
    if (locked == 0)
        locked = fs_lock_wait(upload->fd, FS_LOCK_EXCLUSIVE, BUSY_MS, err);
    if (locked <= 0)
        return locked < 0 ? -1 : err_set(err, ERR_UPLOAD_BUSY, "%s", upload->id);
    if (fstat(upload->fd, &open_file) < 0)
        return err_sys(err, errno, "stat %s", path.s);
    found = fs_stat(fs, path.s, &named_file, err);
    if (found <= 0)
        return found < 0 ? -1 : unknown(err, upload->id);
    if (open_file.st_ino != named_file.st_ino || open_file.st_dev != named_file.st_dev)
        return unknown(err, upload->id);
    return 0;
}

static int load(struct upload *upload, const char *user, struct err *err)
{
    struct upload_state state;

    int found = state_read(upload->store, &upload->name, upload->id, &state, err);
    if (found <= 0)
        return found < 0 ? -1 : unknown(err, upload->id);
    int result = 0;
    if (!state_is_for(&state, user)) {
        result = unknown(err, upload->id);
    } else {
        upload->saved = upload->offset = state.offset;
        digester_init(&upload->digester, state.algorithm);
        upload->digester_valid =
            state.offset == 0 || digester_restore(&upload->digester, state.midstate, state.offset);
        if (ftruncate(upload->fd, state.offset) < 0)
            result = err_sys(err, errno, "cut an upload back");
    }
    state_free(&state);
    return result;
}

int upload_open(const struct store *store, const struct name *name, const char *id,
                const char *user, struct upload *upload, struct err *err)
{
    *upload = (struct upload){.store = store, .name = *name, .fd = -1};
    if (!uuid_valid(id, strlen(id)))
        return unknown(err, id);
    memcpy(upload->id, id, sizeof upload->id);
    upload->user = mem_strdup(user);
    upload->stated = true;
    if (open_locked(upload, err) < 0 || load(upload, user, err) < 0) {
        upload_close(upload);
        return -1;
    }
    return 0;
}

int upload_offset(const struct store *store, const struct name *name, const char *id,
                  const char *user, int64_t *offset, struct err *err)
{
    struct upload_state state;

    if (!uuid_valid(id, strlen(id)))
        return unknown(err, id);
    int found = state_read(store, name, id, &state, err);
    if (found < 0)
        return -1;
    int result = found && state_is_for(&state, user) ? 0 : unknown(err, id);
    *offset = state.offset;
    state_free(&state);
    return result;
}

void upload_close(struct upload *upload)
{
    fs_lock_close(&upload->fd);
    digester_free(&upload->digester);
    free(upload->user);
    upload->user = NULL;
}

void upload_expect(struct upload *upload, enum digest_algorithm algorithm)
{
    if (upload->offset > 0 || upload->digester.algorithm == algorithm)
        return;
    digester_free(&upload->digester);
    digester_init(&upload->digester, algorithm);
    upload->digester_valid = true;
}

void upload_hash_beside(struct upload *upload)
{
    if (upload->digester_valid && !upload->hasher)
        upload->hasher = hasher_begin(&upload->digester);
}

void upload_hash_end(struct upload *upload)
{
    hasher_end(upload->hasher);
    upload->hasher = NULL;
}

int upload_write(struct upload *upload, const void *bytes, size_t len, struct err *err)
{
    if (upload->hasher)
        hasher_add(upload->hasher, bytes, len);
    if (file_pwrite_all(upload->fd, bytes, len, upload->offset, err) < 0)
        return -1;
    if (upload->digester_valid && !upload->hasher)
        digester_update(&upload->digester, bytes, len);
    int64_t before = upload->offset;
    upload->offset += (int64_t)len;
    int64_t due = upload->offset / WRITE_BEHIND * WRITE_BEHIND;
    if (due > before)
        fs_write_behind(&upload->store->fs, upload->fd, due - WRITE_BEHIND, WRITE_BEHIND);
    return 0;
}

int upload_save(struct upload *upload, struct err *err)
{
    const struct store *store = upload->store;
    struct layout_path path;
    AUTO_BUF text = BUF_INIT;
    char boot[UUID_SIZE];

    /* The next request trusts the hash's state, and does not read the bytes again. */
    int kept = fs_boot(&store->fs, boot);
    if (!kept && upload->offset > upload->saved && fs_sync_file(&store->fs, upload->fd, err) < 0)
        return -1;
    buf_addstr(&text, "user ");
    percent_encode(&text, upload->user);
    buf_addf(&text, "\nalgorithm %s\noffset %jd\n",
             digest_algorithm_name(upload->digester.algorithm), (intmax_t)upload->offset);
    AUTO_BUF midstate = BUF_INIT;
    if (upload->digester_valid && digester_save(&upload->digester, &midstate))
        buf_addf(&text, "midstate %s\n", midstate.s);
    if (kept)
        buf_addf(&text, "boot %s\n", boot);
    layout_upload(&path, &upload->name, upload->id, "state");
    if ((upload->stated ? write_lightly : write_first)(store, path.s, text.s, text.len, err) < 0)
        return -1;
    upload->stated = true;
    upload->saved = upload->offset;
    return 0;
}

int upload_rollback(struct upload *upload, struct err *err)
{
    if (ftruncate(upload->fd, upload->saved) < 0)
        return err_sys(err, errno, "cut an upload back");
    upload->offset = upload->saved;
    upload->digester_valid = false; /* it has seen too much; this process closes the upload now */
    return 0;
}

int upload_digest(struct upload *upload, enum digest_algorithm algorithm, struct digest *digest,
                  struct err *err)
{
    if (!upload->digester_valid || upload->digester.algorithm != algorithm)
        return blob_digest(upload->fd, upload->offset, algorithm, digest, err);
    upload->digester_valid = false;
    digester_final(&upload->digester, digest);
    return 0;
}

int upload_sync(struct upload *upload, struct dirty *dirty, struct err *err)
{
    int fd = upload->store->fs.durable ? fcntl(upload->fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (upload->store->fs.durable && fd < 0)
        return err_sys(err, errno, "sync an upload");
    return fd < 0 ? 0 : dirty_add_file(&upload->store->fs, dirty, &fd, err);
}

int upload_publish(struct upload *upload, const struct digest *digest, struct dirty *dirty,
                   struct err *err)
{
    struct layout_path path;

    /* The session may be old, the blob is new: the collector goes by its mtime. */
    if (futimens(upload->fd, NULL) < 0)
        return err_sys(err, errno, "touch an upload");
    layout_upload(&path, &upload->name, upload->id, "data");
    if (blob_publish_file(upload->store, digest, upload->alone ? upload->tmp : path.s, dirty, err) <
        0)
        return -1;
    upload->tmp[0] = '\0';
    return 0;
}

int upload_remove(struct upload *upload, struct dirty *dirty, struct err *err)
{
    const struct store *store = upload->store;
    AUTO_STRINGS trash = {0};
    struct layout_path path;

    /* Close first: an open file that is removed stays as .nfs* on NFS and keeps its directory. */
    fs_lock_close(&upload->fd);
    if (upload->alone)
        return upload->tmp[0] ? fs_unlink(&store->fs, upload->tmp, dirty, err) : 0;
    layout_upload(&path, &upload->name, upload->id, NULL);
    int moved = trash_move(store, path.s, &trash, dirty, err);
    return moved <= 0 ? moved : trash_empty(store, &trash, err);
}

int upload_list(const struct store *store, const struct name *name, struct strings *ids,
                struct err *err)
{
    struct layout_path path;

    int found = dir_list(&store->fs, layout_uploads(&path, name), ids, err);
    return found > 0 ? ids->n > 0 : found;
}

/* One that goes while we look is none. */
static bool is_of(const struct store *store, const struct name *name, const char *id,
                  const char *user)
{
    struct upload_state state;

    if (!uuid_valid(id, strlen(id)) || state_read(store, name, id, &state, NULL) <= 0)
        return false;
    bool is_his = state.user && !strcmp(state.user, user);
    state_free(&state);
    return is_his;
}

int upload_check_limit(const struct store *store, const struct name *name, const char *user,
                       struct err *err)
{
    AUTO_STRINGS ids = {0};
    int64_t n = 0;

    if (store->upload_limit == 0)
        return 0;
    if (upload_list(store, name, &ids, err) < 0)
        return -1;
    for (size_t i = 0; ids.n >= (uint64_t)store->upload_limit && i < ids.n; i++)
        n += is_of(store, name, ids.v[i], user);
    if (n < store->upload_limit)
        return 0;
    return err_set(err, ERR_UPLOAD_LIMIT,
                   "%jd of yours in %s: finish or cancel some (berth expire removes old ones)",
                   (intmax_t)n, name->s);
}

static int has_file(const struct store *store, const struct name *name, const char *id,
                    const char *file, int64_t *size, struct err *err)
{
    struct layout_path path;
    struct stat st;

    int found = fs_stat(&store->fs, layout_upload(&path, name, id, file), &st, err);
    *size = found > 0 ? st.st_size : 0;
    return found > 0 ? S_ISREG(st.st_mode) : found;
}

int upload_started(const struct store *store, const struct name *name, const char *id,
                   int64_t *when, struct err *err)
{
    struct layout_path path;
    struct stat st;

    int found = fs_stat(&store->fs, layout_upload(&path, name, id, "startedat"), &st, err);
    if (found > 0)
        *when = fs_mtime(&st);
    return found;
}

int upload_is_whole(const struct store *store, const struct name *name, const char *id,
                    struct err *err)
{
    struct layout_path path;
    struct upload_state state = {0};
    AUTO_BUF text = BUF_INIT;
    int64_t data, started;

    int has = has_file(store, name, id, "startedat", &started, err);
    if (has > 0)
        has = started > 0 ? has_file(store, name, id, "data", &data, err) : 0;
    if (has <= 0)
        return has;
    int found =
        fs_read(&store->fs, layout_upload(&path, name, id, "state"), STATE_SIZE_MAX, &text, err);
    if (found <= 0)
        return found < 0 ? -1 : 1;
    bool whole = state_parse(&state, text.s) && state.offset <= data;
    state_free(&state);
    return whole;
}

int upload_clear(const struct store *store, const struct name *name, const char *id,
                 struct err *err)
{
    struct layout_path path;
    AUTO_LOCKED_FD fd = -1;

    int found = fs_open(&store->fs, layout_upload(&path, name, id, "data"), O_RDWR, &fd, err);
    if (found > 0)
        found = fs_lock_try(fd, FS_LOCK_EXCLUSIVE, err);
    else if (found == 0)
        found = 1;
    if (found <= 0)
        return found < 0 ? -1 : err_set(err, ERR_UPLOAD_BUSY, "%s", id);
    fs_lock_close(&fd);
    return dir_remove_tree(&store->fs, layout_upload(&path, name, id, NULL), err) < 0 ? -1 : 0;
}
