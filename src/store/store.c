/* SPDX-License-Identifier: Apache-2.0
 * L2: opening a store, writing links. Owns _berth/version and _berth/tmp. */
#include "store/store.h"

#include "base/dir.h"
#include "base/may.h"
#include "base/mem.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define STORE_VERSION "1\n"

static bool is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return !strncmp(path, directory, len) && path[len] == '/';
}

/* The web server reads blobs, and nothing of these directories: locks that it held would stop
 * everyone, and sessions are somebody's own. Files in them that become blobs have those' mode. */
static bool is_private(const char *path)
{
    const char *uploads = strstr(path, "/" LAYOUT_NAME_UPLOADS);

    if (!strcmp(path, LAYOUT_OWN) || is_below(path, LAYOUT_OWN))
        return !is_below(path, LAYOUT_TMP);
    if (!uploads)
        return false;
    const char *session = uploads + strlen("/" LAYOUT_NAME_UPLOADS);
    return *session == '\0' || (*session == '/' && !strchr(session + 1, '/'));
}

/* As an earlier version made it. */
static int close_own(const struct store *store, struct err *err)
{
    const mode_t mode = fs_dir_mode(&store->fs, LAYOUT_OWN);
    struct stat st;

    int found = fs_stat(&store->fs, LAYOUT_OWN, &st, err);
    if (found <= 0 || (st.st_mode & 0777 & ~mode) == 0 || st.st_uid != geteuid())
        return found < 0 ? -1 : 0;
    return fs_set_mode(&store->fs, LAYOUT_OWN, st.st_mode & mode, err) < 0 ? -1 : 0;
}

/* Those of locks and of what has no name yet may be lost: they are made again. */
static int make_directories(struct store *store, struct dirty *dirty, struct err *err)
{
    AUTO_DIRTY unneeded = {0};

    if (dir_make(&store->fs, LAYOUT_BLOBS, dirty, err) < 0 ||
        dir_make(&store->fs, LAYOUT_REPOSITORIES, dirty, err) < 0 ||
        dir_make(&store->fs, LAYOUT_TMP, &unneeded, err) < 0 ||
        dir_make(&store->fs, LAYOUT_TYPES, &unneeded, err) < 0)
        return -1;
    return dir_make(&store->fs, LAYOUT_REPO_LOCKS, &unneeded, err) < 0 ? -1 : close_own(store, err);
}

/* Where there is no repository, all links are noted (holder.h). */
static int first_start(struct store *store, struct dirty *dirty, struct err *err)
{
    AUTO_STRINGS names = {0};

    if (dir_list(&store->fs, LAYOUT_REPOSITORIES, &names, err) < 0)
        return -1;
    store->is_adopted = names.n > 0;
    if (names.n == 0 && store_write(store, LAYOUT_HOLDERS_COMPLETE, "", 0, dirty, err) < 0)
        return -1;
    return store_write(store, LAYOUT_VERSION, STORE_VERSION, strlen(STORE_VERSION), dirty, err);
}

static int refuse_as_shared(const struct store *store, const char *missing, struct err *err)
{
    return err_set(err, ERR_UNREACHABLE,
                   "%s is no store that hosts share (there is no %s): is it mounted? For a new one "
                   "run berth check-storage on two hosts",
                   store->path, missing);
}

/* That an empty directory, where nothing is mounted, is not taken for a new store. */
static int check_id(struct store *store, struct err *err)
{
    AUTO_BUF id = BUF_INIT;

    if (!store->shared)
        return 0;
    int found = fs_read(&store->fs, LAYOUT_ID, STORE_ID_SIZE - 1, &id, err);
    if (found < 0)
        return -1;
    if (!found || id.len == 0)
        return refuse_as_shared(store, LAYOUT_ID, err);
    snprintf(store->id, sizeof store->id, "%s", id.s);
    return 0;
}

/* A store of Distribution's has no version yet: to read it, nothing need be made. */
static int store_init(struct store *store, bool create, struct err *err)
{
    AUTO_DIRTY dirty = {0};
    AUTO_BUF version = BUF_INIT;

    if (check_id(store, err) < 0)
        return -1;
    if (create && make_directories(store, &dirty, err) < 0)
        return -1;
    int found = fs_read(&store->fs, LAYOUT_VERSION, 64, &version, err);
    if (found < 0)
        return -1;
    if (found && strcmp(version.s, STORE_VERSION) != 0)
        return err_set(err, ERR_CONFIG, "%s/" LAYOUT_VERSION " is not 1: it needs a newer berth",
                       store->path);
    if (create && !found && first_start(store, &dirty, err) < 0)
        return -1;
    return dirty_sync(&store->fs, &dirty, err);
}

/* What somebody else made there, as root or another program, would fail one request after another.
 */
static int check_may_write(const struct store *store, struct err *err)
{
    static const char *const paths[] = {LAYOUT_BLOBS, LAYOUT_BLOBS "/sha256", LAYOUT_REPOSITORIES,
                                        LAYOUT_TMP,   LAYOUT_REPO_LOCKS,      LAYOUT_LOCKS "/gc"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (fs_may_write(&store->fs, paths[i], err) < 0)
            return -1;
    return 0;
}

int store_make(struct store *store, struct err *err)
{
    return store_init(store, true, err);
}

int store_check(struct store *store, struct err *err)
{
    return store_init(store, false, err);
}

static int open_root(struct store *store, const struct store_settings *settings, bool create,
                     struct err *err)
{
    struct err why;
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s/" LAYOUT_PREFIX, settings->root);
    *store = (struct store){
        .fs = {.fd = -1,
               .durable = settings->durability == STORE_DURABILITY_FULL,
               .file_mode = settings->file_mode,
               .dir_mode = settings->dir_mode,
               .is_private = is_private},
        .path = mem_strdup(path.s),
        .lock_timeout_ms = (int)settings->lock_timeout * 1000,
        .grace = settings->grace,
        .manifest_limit = settings->manifest_limit,
        .upload_limit = settings->upload_limit,
        .shared = settings->shared,
    };
    if (fs_root_open(&store->fs, path.s, create && !store->shared, &why) == 0)
        return 0;
    if (store->shared && (why.sys == ENOENT || why.sys == ENOTDIR))
        return refuse_as_shared(store, "such directory", err);
    return err_copy(err, &why);
}

int store_open_any(struct store *store, const struct store_settings *settings, struct err *err)
{
    if (open_root(store, settings, false, err) == 0)
        return 0;
    store_close(store);
    return -1;
}

static bool is_read_only(int fd)
{
    struct statvfs st;

    return fstatvfs(fd, &st) == 0 && (st.f_flag & ST_RDONLY);
}

static int open_once(struct store *store, const struct store_settings *settings, bool create,
                     struct err *err)
{
    int opened = open_root(store, settings, create, err);

    store->is_read_only = opened == 0 && is_read_only(store->fs.fd);
    if (opened == 0 && store_init(store, create, err) == 0 &&
        (!create || check_may_write(store, err) == 0))
        return 0;
    store_close(store);
    return -1;
}

/* The commonest first failure comes with what to do about it. */
static int explain(const struct store_settings *settings, const struct err *why, struct err *err)
{
    if (why->code != ERR_UNREACHABLE &&
        (why->sys == EACCES || why->sys == EPERM || why->sys == EROFS || why->sys == ENOENT ||
         why->sys == ENOTDIR))
        may_not_write(settings->root, why->sys, err);
    else
        err_copy(err, why);
    return why->sys == EROFS ? err_recode(err, ERR_READ_ONLY) : -1;
}

int store_open(struct store *store, const struct store_settings *settings, bool create,
               struct err *err)
{
    struct err why = {0};

    if (!create)
        return open_once(store, settings, false, err);
    if (open_once(store, settings, true, &why) == 0)
        return 0;
    if (why.sys == EROFS && settings->readonly)
        return open_once(store, settings, false, err);
    return explain(settings, &why, err);
}

int store_reach(const struct store *store, struct err *err)
{
    struct stat st;

    int found = fs_stat(&store->fs, store->shared ? LAYOUT_ID : LAYOUT_REPOSITORIES, &st, err);
    if (found == 0 && store->shared)
        return err_set(err, ERR_UNREACHABLE, "%s/" LAYOUT_ID " has gone", store->path);
    return found < 0 ? -1 : 0;
}

/* Of a mount whose client has died nothing comes any more, also when another one is there. */
static bool is_dead(const struct store *store)
{
    struct stat st;

    return store->shared && fstat(store->fs.fd, &st) < 0;
}

int store_return(struct store *store, const struct store_settings *settings, struct err *err)
{
    struct store again;
    struct err why;

    if (!store->lost && !is_dead(store))
        return 0;
    store->lost = true;
    if (store_open(&again, settings, settings->shared, &why) < 0 &&
        (why.code != ERR_READ_ONLY || store_open(&again, settings, false, &why) < 0))
        return err_copy(err, &why);
    if (store->id[0] && strcmp(store->id, again.id) != 0) {
        store_close(&again);
        return err_set(err, ERR_UNREACHABLE, "%s is another store than before: is it mounted?",
                       settings->root);
    }
    store_close(store);
    *store = again;
    return 1;
}

/* Our own directory has neither blobs nor repositories in it, nor has that of blobs, where ours is
 * not there: on a file system that cannot be written. */
int store_open_nothing(struct store *nothing, const struct store *store, struct err *err)
{
    struct stat st;
    AUTO_BUF path = BUF_INIT;

    int found = fs_stat(&store->fs, LAYOUT_OWN, &st, err);
    if (found < 0)
        return -1;
    buf_addf(&path, "%s/%s", store->path, found ? LAYOUT_OWN : LAYOUT_BLOBS);
    *nothing = *store;
    nothing->fs.fd = -1;
    nothing->path = mem_strdup(path.s);
    if (fs_root_open(&nothing->fs, path.s, false, err) < 0) {
        store_close(nothing);
        return -1;
    }
    return 0;
}

void store_close(struct store *store)
{
    fs_root_close(&store->fs);
    free(store->path);
    store->path = NULL;
}

int store_write(const struct store *store, const char *path, const void *bytes, size_t len,
                struct dirty *dirty, struct err *err)
{
    struct layout_path tmp;

    return fs_replace(&store->fs, layout_tmp(&tmp), path, bytes, len, dirty, err);
}

int store_write_link(const struct store *store, const char *path, const struct digest *digest,
                     struct dirty *dirty, struct err *err)
{
    return store_write(store, path, digest->s, strlen(digest->s), dirty, err);
}

int store_prepare(const struct store *store, const void *bytes, size_t len, struct fs_new *file,
                  struct dirty *dirty, struct err *err)
{
    struct layout_path tmp;

    return fs_new_write(&store->fs, layout_tmp(&tmp), bytes, len, file, dirty, err);
}

int store_prepare_copy(const struct store *store, int fd, int64_t size, struct fs_new *file,
                       struct dirty *dirty, struct err *err)
{
    struct layout_path tmp;

    return fs_new_copy(&store->fs, layout_tmp(&tmp), fd, size, file, dirty, err);
}

int store_has_link(const struct store *store, const char *path, struct err *err)
{
    struct stat st;

    int found = fs_stat(&store->fs, path, &st, err);
    return found > 0 ? S_ISREG(st.st_mode) : found;
}

int store_link_time(const struct store *store, const char *path, int64_t *when, struct err *err)
{
    struct stat st;

    int found = fs_stat(&store->fs, path, &st, err);
    if (found <= 0 || !S_ISREG(st.st_mode))
        return found < 0 ? -1 : 0;
    *when = fs_mtime(&st);
    return 1;
}

/* 1 with *stale, or 0: there is no plain file. */
static int look_at_age(const struct store *store, const char *path, bool *stale, struct err *err)
{
    int64_t when;
    int found = store_link_time(store, path, &when, err);
    if (found > 0)
        *stale = time(NULL) - when / 1000000000 > store->grace / 2;
    return found;
}

int store_freshen(const struct store *store, const char *path, struct err *err)
{
    bool stale;

    int found = look_at_age(store, path, &stale, err);
    return found > 0 && stale ? fs_touch(&store->fs, path, err) : found;
}

int store_is_stale(const struct store *store, const char *path, struct err *err)
{
    bool stale = false;

    return look_at_age(store, path, &stale, err) < 0 ? -1 : stale;
}

int store_remove_link(const struct store *store, const char *path, struct dirty *dirty,
                      struct err *err)
{
    char dir[sizeof(struct layout_path)];

    int removed = fs_unlink(&store->fs, path, dirty, err);
    if (removed <= 0)
        return removed;
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    return dir_remove(&store->fs, dir, dirty, err) < 0 ? -1 : 1;
}

int store_scratch(const struct store *store, int *fd, struct err *err)
{
    struct layout_path tmp;
    AUTO_DIRTY unneeded = {0};

    int made = fs_open(&store->fs, layout_tmp(&tmp), O_RDWR | O_CREAT | O_EXCL, fd, err);
    if (made <= 0)
        return made < 0 ? -1 : err_sys(err, ENOENT, "create %s", tmp.s);
    if (fs_unlink(&store->fs, tmp.s, &unneeded, err) >= 0)
        return 0;
    file_close(fd);
    return -1;
}
