/* SPDX-License-Identifier: Apache-2.0
 * L2: what was measured of a shared store's file system. Owns _berth/storage. */
#include "storage/storage.h"

#include "base/decimal.h"
#include "base/dir.h"
#include "base/rfc3339.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECORD_SIZE_MAX 16384
#define PROC_READ 16384

void storage_host(char host[STORAGE_HOST_SIZE])
{
    const char *said = getenv("BERTH_HOST");

    if (said && *said)
        snprintf(host, STORAGE_HOST_SIZE, "%s", said);
    else if (gethostname(host, STORAGE_HOST_SIZE) < 0)
        snprintf(host, STORAGE_HOST_SIZE, "localhost");
    host[STORAGE_HOST_SIZE - 1] = '\0';
    /* It names a file. */
    for (char *c = host; *c; c++)
        if (*c == '/' || (c == host && *c == '.'))
            *c = '_';
}

static int read_proc(const char *path, struct buf *text, struct err *err)
{
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return err_sys(err, errno, "open %s", path);
    while ((n = read(fd, buf_reserve(text, PROC_READ), PROC_READ)) > 0)
        text->len += (size_t)n;
    if (n < 0)
        return err_sys(err, errno, "read %s", path);
    text->s[text->len] = '\0';
    return 0;
}

/* The number of the mount, from "mnt_id:\t25". */
static int mount_number(int fd, long *number, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    if (read_proc(path, &text, err) < 0)
        return -1;
    const char *found = strstr(text.s, "mnt_id:");
    if (!found)
        return err_set(err, ERR_IO, "%s does not tell the mount", path);
    *number = strtol(found + strlen("mnt_id:"), NULL, 10);
    return 0;
}

int storage_mount(int fd, struct buf *mount, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    size_t at = 0;
    long number = -1;

    if (mount_number(fd, &number, err) < 0 || read_proc("/proc/self/mountinfo", &text, err) < 0)
        return -1;
    /* "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw,errors=continue" */
    for (char *line; (line = buf_line(&text, &at));) {
        const char *type = strstr(line, " - ");
        if (type && strtol(line, NULL, 10) == number) {
            buf_addstr(mount, type + 3);
            return 0;
        }
    }
    return err_set(err, ERR_IO, "/proc/self/mountinfo does not name the mount");
}

static void record_path(struct layout_path *path, const char *host)
{
    snprintf(path->s, sizeof path->s, LAYOUT_STORAGE "/%s", host);
}

int storage_note(const struct store *store, const struct storage *storage, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    AUTO_BUF mount = BUF_INIT;
    AUTO_DIRTY dirty = {0};
    struct layout_path path;
    char now[RFC3339_SIZE];

    if (storage_mount(store->fs.fd, &mount, err) < 0)
        return -1;
    rfc3339_format(now, time(NULL));
    buf_addf(&text, "checked %s\nwith %s\nsound %s\nlate %jd\nclock %jd\nmount %s\n", now,
             storage->with, storage->sound ? "yes" : "no", (intmax_t)storage->late_ms,
             (intmax_t)storage->clock_ms, mount.s);
    record_path(&path, storage->host);
    if (store_write(store, path.s, text.s, text.len, &dirty, err) < 0)
        return -1;
    return dirty_sync(&store->fs, &dirty, err);
}

/* The line's rest, if it begins with this key; NULL if not. */
static const char *value_of(const char *line, const char *key)
{
    size_t len = strlen(key);

    return !strncmp(line, key, len) && line[len] == ' ' ? line + len + 1 : NULL;
}

static bool take_number(const char *line, const char *key, int64_t *number)
{
    const char *value = value_of(line, key);

    return value && decimal_parse(value, strlen(value), number);
}

/* 0: there is none that counts. */
static int read_record(const struct store *store, const char *host, struct storage *storage,
                       struct buf *mount, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    struct layout_path path;
    size_t at = 0;
    bool late = false, clock = false;

    record_path(&path, host);
    int found = fs_read(&store->fs, path.s, RECORD_SIZE_MAX, &text, err);
    if (found <= 0)
        return found;
    *storage = (struct storage){0};
    snprintf(storage->host, sizeof storage->host, "%s", host);
    for (char *line; (line = buf_line(&text, &at));) {
        const char *value;
        if ((value = value_of(line, "with")))
            snprintf(storage->with, sizeof storage->with, "%s", value);
        else if ((value = value_of(line, "sound")))
            storage->sound = !strcmp(value, "yes");
        else if ((value = value_of(line, "mount")))
            buf_addstr(mount, value);
        late |= take_number(line, "late", &storage->late_ms);
        clock |= take_number(line, "clock", &storage->clock_ms);
    }
    return late && clock && mount->len > 0;
}

#define REMEDY "run berth check-storage on this host and another one"

int storage_trust(const struct store *store, struct err *err)
{
    AUTO_BUF checked = BUF_INIT;
    AUTO_BUF mount = BUF_INIT;
    struct storage storage;
    char host[STORAGE_HOST_SIZE];

    if (!store->shared)
        return 0;
    storage_host(host);
    int found = read_record(store, host, &storage, &checked, err);
    if (found < 0 || storage_mount(store->fs.fd, &mount, err) < 0)
        return -1;
    if (!found)
        return err_set(err, ERR_STORAGE,
                       "the store is shared, and %s was never checked for seeing changes of other "
                       "hosts at once: " REMEDY,
                       host);
    if (!storage.sound)
        return err_set(err, ERR_STORAGE,
                       "%s sees changes of %s up to %jd ms late, or their locks do not exclude: "
                       "mount the store as berth check-storage says, then " REMEDY,
                       host, storage.with, (intmax_t)storage.late_ms);
    if (strcmp(checked.s, mount.s) != 0)
        return err_set(err, ERR_STORAGE,
                       "%s was checked with the mount \"%s\", which now is \"%s\": " REMEDY, host,
                       checked.s, mount.s);
    return 0;
}

static void add_host(struct storage_lateness *lateness, int64_t late_ms, int64_t clock_ms)
{
    int64_t seconds = (late_ms + clock_ms + 999) / 1000;

    lateness->caches_ms = late_ms > lateness->caches_ms ? late_ms : lateness->caches_ms;
    lateness->seconds = seconds > lateness->seconds ? seconds : lateness->seconds;
}

int storage_lateness(const struct store *store, struct storage_lateness *lateness, struct err *err)
{
    AUTO_STRINGS hosts = {0};

    *lateness = (struct storage_lateness){0};
    if (!store->shared)
        return 0;
    if (dir_list(&store->fs, LAYOUT_STORAGE, &hosts, err) < 0)
        return -1;
    if (hosts.n == 0)
        add_host(lateness, STORAGE_UNKNOWN_MS, STORAGE_UNKNOWN_MS);
    for (size_t i = 0; i < hosts.n; i++) {
        AUTO_BUF mount = BUF_INIT;
        struct storage storage;
        int found = read_record(store, hosts.v[i], &storage, &mount, err);
        if (found < 0)
            return -1;
        add_host(lateness, found ? storage.late_ms : STORAGE_UNKNOWN_MS,
                 found ? storage.clock_ms : STORAGE_UNKNOWN_MS);
    }
    return 0;
}
