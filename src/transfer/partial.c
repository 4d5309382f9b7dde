/* SPDX-License-Identifier: Apache-2.0
 * L4: files that are there whole or not at all. */
#include "transfer/partial.h"

#include "base/file.h"
#include "base/fs.h"
#include "base/uuid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SUFFIX ".tmp"
#define RANDOM_LEN 8

void partial_take(const struct partial_rights *rights)
{
    if (rights)
        rights->take();
}

void partial_drop(const struct partial_rights *rights)
{
    if (rights)
        rights->drop();
}

int partial_create(struct partial *partial, int dir, const char *prefix,
                   const struct partial_rights *rights, struct err *err)
{
    char uuid[UUID_SIZE];

    *partial = (struct partial){.dir = dir, .fd = -1, .rights = rights};
    uuid_make(uuid);
    int room = (int)(sizeof partial->name - RANDOM_LEN - sizeof SUFFIX);
    snprintf(partial->name, sizeof partial->name, "%.*s%.*s" SUFFIX, room, prefix, RANDOM_LEN,
             uuid);
    partial_take(rights);
    partial->fd =
        openat(dir, partial->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    int errnum = errno;
    partial_drop(rights);
    if (partial->fd < 0)
        return err_sys(err, errnum, "create %s", partial->name);
    flock(partial->fd,
          LOCK_EX | LOCK_NB); /* where it cannot be had, nothing is lost but tidiness */
    return 0;
}

int partial_commit(struct partial *partial, int to_dir, const char *name, bool sync,
                   struct err *err)
{
    if (sync && file_sync(partial->fd) < 0)
        return err_sys(err, errno, "fsync %s", partial->name);
    partial_take(partial->rights);
    int renamed = renameat(partial->dir, partial->name, to_dir, name);
    int errnum = errno;
    partial_drop(partial->rights);
    if (renamed < 0)
        return err_sys(err, errnum, "rename %s to %s", partial->name, name);
    file_close(&partial->fd);
    return 0;
}

void partial_abandon(struct partial *partial)
{
    if (partial->fd < 0)
        return;
    partial_take(partial->rights);
    unlinkat(partial->dir, partial->name, 0);
    partial_drop(partial->rights);
    file_close(&partial->fd);
}

static bool is_partial(const char *name, const char *prefix)
{
    size_t len = strlen(name), prefix_len = strlen(prefix), suffix_len = strlen(SUFFIX);

    return len == prefix_len + RANDOM_LEN + suffix_len && !strncmp(name, prefix, prefix_len) &&
           !strcmp(name + len - suffix_len, SUFFIX);
}

void partial_clean(int dir_fd, const char *prefix, const struct partial_rights *rights)
{
    partial_take(rights);
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (!is_partial(entry->d_name, prefix))
            continue;
        AUTO_FD fd = openat(dir_fd, entry->d_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dir_fd, entry->d_name, 0);
    }
    if (dir)
        closedir(dir);
    else
        file_close(&copy);
    partial_drop(rights);
}
