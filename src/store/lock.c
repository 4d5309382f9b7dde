/* SPDX-License-Identifier: Apache-2.0
 * L2: the store's locks. Owns _berth/lock, whose files are never removed. */
#include "store/lock.h"

#include "base/file.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void lock_free(struct lock *lock)
{
    fs_lock_close(&lock->fd);
}

/* Opens the file, or makes it with the store's mode. Another process may make it at the same time.
 */
static int open_lock(const struct store *store, const char *path, struct lock *lock,
                     struct err *err)
{
    struct err failure;
    int opened = fs_open(&store->fs, path, O_RDWR, &lock->fd, &failure);

    if (opened == 0)
        opened = fs_open(&store->fs, path, O_RDWR | O_CREAT | O_EXCL, &lock->fd, &failure);
    if (opened < 0 && failure.sys == EEXIST)
        opened = fs_open(&store->fs, path, O_RDWR, &lock->fd, &failure);
    if (opened > 0)
        return 0;
    if (opened == 0)
        return err_set(err, ERR_IO,
                       "the directory of %s is missing: start the server again to make it", path);
    return err_copy(err, &failure);
}

static int lock_file(const struct store *store, const char *path, enum fs_lock kind,
                     struct lock *lock, struct err *err)
{
    lock->fd = -1;
    if (open_lock(store, path, lock, err) < 0)
        return -1;
    int locked = fs_lock_wait_as(lock->fd, kind, path, store->lock_timeout_ms, err);
    if (locked > 0)
        return 0;
    lock_free(lock);
    if (locked == 0)
        return err_set(err, ERR_BUSY, "%s was held by others for %d ms", path,
                       store->lock_timeout_ms);
    return -1;
}

/* Everyone goes through the gate. A sweeper holds it while it waits for the sharers to finish, so
 * that new ones don't starve it; it leaves the gate as soon as it has the lock. */
int lock_gc(const struct store *store, enum fs_lock kind, struct lock *lock, struct err *err)
{
    AUTO_LOCK gate = {-1};

    lock->fd = -1;
    if (lock_file(store, LAYOUT_LOCKS "/gc.gate", kind, &gate, err) < 0)
        return -1;
    return lock_file(store, LAYOUT_LOCKS "/gc", kind, lock, err);
}

int lock_collector(const struct store *store, struct lock *lock, struct err *err)
{
    lock->fd = -1;
    if (open_lock(store, LAYOUT_LOCKS "/collector", lock, err) < 0)
        return -1;
    int locked = fs_lock_try(lock->fd, FS_LOCK_EXCLUSIVE, err);
    if (locked <= 0)
        lock_free(lock);
    return locked;
}

int lock_gc_sweep(const struct store *store, int window_ms, struct lock *lock, struct err *err)
{
    AUTO_LOCK gate = {-1};

    lock->fd = -1;
    if (open_lock(store, LAYOUT_LOCKS "/gc.gate", &gate, err) < 0 ||
        open_lock(store, LAYOUT_LOCKS "/gc", lock, err) < 0)
        return -1;
    int locked = fs_lock_wait_as(gate.fd, FS_LOCK_EXCLUSIVE, "gc.gate", window_ms, err);
    if (locked > 0)
        locked = fs_lock_wait_as(lock->fd, FS_LOCK_EXCLUSIVE, "gc", window_ms, err);
    if (locked <= 0)
        lock_free(lock);
    return locked;
}

/* Whoever waits holds the gate meanwhile. */
int lock_gc_wanted(const struct store *store, struct err *err)
{
    AUTO_LOCK gate = {-1};

    if (open_lock(store, LAYOUT_LOCKS "/gc.gate", &gate, err) < 0)
        return -1;
    int free = fs_lock_try(gate.fd, FS_LOCK_EXCLUSIVE, err);
    return free < 0 ? -1 : !free;
}

int lock_repo(const struct store *store, const struct name *name, struct lock *lock,
              struct err *err)
{
    struct layout_path path;

    return lock_file(store, layout_repo_lock(&path, name), FS_LOCK_EXCLUSIVE, lock, err);
}

int lock_repo_turn(const struct lock *lock, uint64_t *turn, struct err *err)
{
    *turn = 0; /* as long as the file is empty */
    return pread(lock->fd, turn, sizeof *turn, 0) < 0 ? err_sys(err, errno, "read a lock") : 0;
}

int lock_repo_change(const struct lock *lock, struct err *err)
{
    uint64_t turn;

    if (lock_repo_turn(lock, &turn, err) < 0)
        return -1;
    turn++;
    return file_pwrite_all(lock->fd, &turn, sizeof turn, 0, err);
}
