/* SPDX-License-Identifier: Apache-2.0
 * L2: checks a file system with another host. */
#include "storage/storage_check.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/dir.h"
#include "base/fs_lock.h"
#include "base/uuid.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 12
#define PINGS 8
/* Of one kind: enough to know how late. */
#define LATE_ENOUGH 3
/* Longer than any cache that there is by default: NFS looks at a directory again after a minute. */
#define LATE_MAX_MS 90000

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Changing and looking. */

static void content_of(int round, char text[80])
{
    /* As long as a link, which some caches keep with the name. */
    snprintf(text, 80, "sha256:%064d", round);
}

#define NAME_SIZE 32

/* Each direction has files of its own. */
static void name_of(enum storage_change change, int writer, int round, char name[NAME_SIZE])
{
    if (change == STORAGE_REPLACED || change == STORAGE_TOUCHED)
        snprintf(name, NAME_SIZE, "file-%d", writer);
    else
        snprintf(name, NAME_SIZE, "file-%d-%d", writer, round);
}

/* Opens what is there, or can be made. */
static int open_file(const struct fs_root *root, const char *path, int flags, int *fd,
                     struct err *err)
{
    int found = fs_open(root, path, flags, fd, err);

    return found == 0 ? err_set(err, ERR_IO, "%s is missing", path) : found < 0 ? -1 : 0;
}

static time_t touched_time(int round)
{
    return 1000000000 + 1000 * round;
}

static int change_it(const struct storage_pair *pair, enum storage_change change, int round,
                     struct err *err)
{
    const struct fs_root *root = pair->meeting->root;
    AUTO_DIRTY unneeded = {0};
    AUTO_FD fd = -1;
    struct layout_path path;
    char text[80], name[NAME_SIZE];
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = touched_time(round)}};

    name_of(change, pair->me, round, name);
    storage_meet_path(pair, name, &path);
    if (change == STORAGE_REMOVED)
        return fs_unlink(root, path.s, &unneeded, err) < 0 ? -1 : 0;
    if (change == STORAGE_TOUCHED) {
        if (open_file(root, path.s, O_RDWR, &fd, err) < 0)
            return -1;
        return futimens(fd, times) < 0 ? err_sys(err, errno, "touch %s", path.s) : 0;
    }
    content_of(round, text);
    return storage_meet_put(pair, name, text, err);
}

/* Whether what the other one did in this round is seen. */
static int look(const struct storage_pair *pair, enum storage_change change, int round,
                struct err *err)
{
    const struct fs_root *root = pair->meeting->root;
    AUTO_BUF text = BUF_INIT;
    struct layout_path path;
    char expected[80], name[NAME_SIZE];
    struct stat st;

    name_of(change, !pair->me, round, name);
    storage_meet_path(pair, name, &path);
    if (change == STORAGE_TOUCHED) {
        int found = fs_stat(root, path.s, &st, err);
        return found < 0 ? -1 : found && st.st_mtim.tv_sec == touched_time(round);
    }
    int found = fs_read(root, path.s, sizeof expected, &text, err);
    if (found < 0)
        return -1;
    if (change == STORAGE_REMOVED)
        return !found;
    content_of(round, expected);
    return found && !strcmp(text.s, expected);
}

/* Waits until it is seen, if that is to be known. */
static int measure(const struct storage_pair *pair, enum storage_change change, int round,
                   struct storage_look *found, struct err *err)
{
    int64_t began = clock_ms();
    int seen = look(pair, change, round, err);

    if (seen < 0)
        return -1;
    found->rounds++;
    if (seen)
        return 0;
    found->late++;
    while (!seen && found->late <= LATE_ENOUGH && clock_ms() < began + LATE_MAX_MS) {
        storage_meet_pause(1);
        seen = look(pair, change, round, err);
        if (seen < 0)
            return -1;
    }
    if (found->late <= LATE_ENOUGH && clock_ms() - began > found->late_ms)
        found->late_ms = clock_ms() - began;
    if (found->late_ms == 0)
        found->late_ms = 1;
    return 0;
}

/* The reader looks, so that its caches hold what was; the writer changes it; the reader looks. */
static int one_round(struct storage_pair *pair, int writer, enum storage_change change, int round,
                     struct storage_look *found, struct err *err)
{
    int result;

    if (pair->me == writer)
        result = storage_meet_await(pair, true, err) < 0 ||
                         change_it(pair, change, round, err) < 0 || storage_meet_done(pair, err) < 0
                     ? -1
                     : 0;
    else
        result = look(pair, change, round, err) < 0 || storage_meet_done(pair, err) < 0 ||
                         storage_meet_await(pair, true, err) < 0 ||
                         measure(pair, change, round, found, err) < 0
                     ? -1
                     : 0;
    pair->step++;
    return result;
}

static int all_rounds(struct storage_pair *pair, struct storage_checked *checked, struct err *err)
{
    for (int writer = 0; writer < 2; writer++)
        for (int change = 0; change < STORAGE_CHANGES; change++)
            for (int round = 0; round < ROUNDS; round++)
                if (one_round(pair, writer, (enum storage_change)change, round,
                              &checked->looks[change], err) < 0)
                    return -1;
    return 0;
}

/* Clocks: what the second one reads lies between what the first one reads before and after it. */

struct clocks {
    int64_t mine[PINGS], after[PINGS];
};

static int ping(struct storage_pair *pair, struct clocks *clocks, struct err *err)
{
    for (int i = 0; i < PINGS; i++, pair->step++) {
        if (pair->me == 1 && storage_meet_await(pair, true, err) < 0)
            return -1;
        clocks->mine[i] = now_ms();
        if (storage_meet_done(pair, err) < 0 ||
            (pair->me == 0 && storage_meet_await(pair, true, err) < 0))
            return -1;
        clocks->after[i] = now_ms();
    }
    return 0;
}

static int64_t differ(const struct clocks *first, const struct clocks *second)
{
    int64_t low = INT64_MIN, high = INT64_MAX;

    for (int i = 0; i < PINGS; i++) {
        int64_t least = second->mine[i] - first->after[i];
        int64_t most = second->mine[i] - first->mine[i];
        low = least > low ? least : low;
        high = most < high ? most : high;
    }
    return llabs(low) > llabs(high) ? llabs(low) : llabs(high);
}

/* What each tells the other in the end. */

static void kernel_of(char id[64])
{
    AUTO_FD fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, id, 63);

    id[n > 0 ? n : 0] = '\0';
    id[strcspn(id, "\n")] = '\0';
}

static int tell(struct storage_pair *pair, const struct storage_checked *checked,
                const struct clocks *clocks, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    char kernel[64], what[32];

    kernel_of(kernel);
    buf_addf(&text, "%s\n%s\n", checked->host, kernel);
    for (int i = 0; i < STORAGE_CHANGES; i++)
        buf_addf(&text, "%d %d %jd\n", checked->looks[i].rounds, checked->looks[i].late,
                 (intmax_t)checked->looks[i].late_ms);
    for (int i = 0; i < PINGS; i++)
        buf_addf(&text, "%jd %jd\n", (intmax_t)clocks->mine[i], (intmax_t)clocks->after[i]);
    snprintf(what, sizeof what, "told-%d", pair->me);
    return storage_meet_put(pair, what, text.s, err);
}

static bool take_numbers(struct buf *text, size_t *at, int64_t *numbers, int n)
{
    char *line = buf_line(text, at);

    for (int i = 0; line && i < n; i++) {
        size_t len = strcspn(line, " ");
        if (!decimal_parse(line, len, &numbers[i]))
            return false;
        line += len + (line[len] == ' ');
    }
    return line != NULL;
}

static bool take_told(struct buf *text, struct storage_checked *checked, struct clocks *other)
{
    char kernel[64];
    size_t at = 0;
    const char *host = buf_line(text, &at);
    const char *id = host ? buf_line(text, &at) : NULL;
    int64_t numbers[3];

    if (!id)
        return false;
    kernel_of(kernel);
    snprintf(checked->with, sizeof checked->with, "%s", host);
    checked->same_kernel = !strcmp(kernel, id);
    for (int i = 0; i < STORAGE_CHANGES; i++) {
        if (!take_numbers(text, &at, numbers, 3))
            return false;
        checked->other[i] = (struct storage_look){(int)numbers[0], (int)numbers[1], numbers[2]};
    }
    for (int i = 0; i < PINGS; i++) {
        if (!take_numbers(text, &at, numbers, 2))
            return false;
        other->mine[i] = numbers[0];
        other->after[i] = numbers[1];
    }
    return true;
}

/* Its name may be seen late, too. */
static int hear(const struct storage_pair *pair, struct storage_checked *checked,
                struct clocks *other, struct err *err)
{
    int64_t deadline = clock_ms() + LATE_MAX_MS;
    struct layout_path path;
    char what[32];

    snprintf(what, sizeof what, "told-%d", !pair->me);
    storage_meet_path(pair, what, &path);
    for (;;) {
        AUTO_BUF text = BUF_INIT;
        int found = fs_read(pair->meeting->root, path.s, 65536, &text, err);
        if (found < 0)
            return -1;
        if (found && take_told(&text, checked, other))
            return 0;
        if (clock_ms() > deadline)
            return err_set(err, ERR_IO, "what the other host found cannot be read");
        storage_meet_pause(20);
    }
}

static int compare(struct storage_pair *pair, struct storage_checked *checked, struct err *err)
{
    struct clocks mine, other;

    if (all_rounds(pair, checked, err) < 0 || ping(pair, &mine, err) < 0 ||
        tell(pair, checked, &mine, err) < 0 || storage_meet_both(pair, false, err) < 0 ||
        hear(pair, checked, &other, err) < 0 || storage_meet_both(pair, true, err) < 0)
        return -1;
    checked->clock_ms = pair->me == 0 ? differ(&mine, &other) : differ(&other, &mine);
    return 0;
}

/* By how much the time of a new file is not between those before and after it. */
static int ask_server(const struct fs_root *root, const char *dir, int64_t *differs,
                      struct err *err)
{
    AUTO_DIRTY unneeded = {0};
    struct layout_path path;
    char id[UUID_SIZE];
    struct stat st;
    AUTO_FD fd = -1;

    uuid_make(id);
    snprintf(path.s, sizeof path.s, "%s/clock-%s", dir, id);
    int64_t before = now_ms();
    if (open_file(root, path.s, O_RDWR | O_CREAT | O_EXCL, &fd, err) < 0)
        return -1;
    int looked = fstat(fd, &st);
    int errnum = errno;
    int64_t after = now_ms(), made = fs_mtime(&st) / 1000000;
    if (fs_unlink(root, path.s, &unneeded, err) < 0)
        return -1;
    if (looked < 0)
        return err_sys(err, errnum, "stat %s", path.s);
    *differs = made < before - 1000 ? before - made : made > after ? made - after : 0;
    return 0;
}

int storage_check(const struct storage_meeting *meeting, struct storage_checked *checked,
                  struct err *err)
{
    struct storage_pair pair;

    *checked = (struct storage_checked){.locks = false};
    storage_host(checked->host);
    if (ask_server(meeting->root, meeting->dir, &checked->server_ms, err) < 0)
        return -1;
    int met = storage_meet_begin(&pair, meeting, err);
    checked->first = pair.me == 0;
    checked->locks = met > 0;
    if (met > 0)
        met = compare(&pair, checked, err);
    storage_meet_end(&pair);
    return met;
}

int storage_check_alone(const struct fs_root *root, const char *dir,
                        struct storage_checked *checked, struct err *err)
{
    AUTO_DIRTY unneeded = {0};
    AUTO_LOCKED_FD fd = -1, again = -1;
    struct layout_path path;
    char id[UUID_SIZE];

    *checked = (struct storage_checked){.first = true};
    storage_host(checked->host);
    uuid_make(id);
    snprintf(path.s, sizeof path.s, "%s/lock-%s", dir, id);
    if (ask_server(root, dir, &checked->server_ms, err) < 0 ||
        open_file(root, path.s, O_RDWR | O_CREAT | O_EXCL, &fd, err) < 0 ||
        open_file(root, path.s, O_RDWR, &again, err) < 0)
        return -1;
    int locked = fs_lock_try(fd, FS_LOCK_EXCLUSIVE, err);
    int twice = locked > 0 ? fs_lock_try(again, FS_LOCK_SHARED, err) : locked;
    if (fs_unlink(root, path.s, &unneeded, err) < 0 || twice < 0)
        return -1;
    checked->locks = locked > 0 && !twice;
    return 0;
}

static void add_looks(struct storage *storage, const struct storage_look looks[STORAGE_CHANGES])
{
    for (int i = 0; i < STORAGE_CHANGES; i++) {
        storage->sound = storage->sound && looks[i].rounds && !looks[i].late;
        if (looks[i].late_ms > storage->late_ms)
            storage->late_ms = looks[i].late_ms;
    }
}

/* Two hosts of one name have one record: then it holds for the worse one. */
struct storage storage_check_verdict(const struct storage_checked *checked)
{
    struct storage storage = {.sound = checked->locks};

    snprintf(storage.host, sizeof storage.host, "%s", checked->host);
    snprintf(storage.with, sizeof storage.with, "%s", checked->with);
    storage.clock_ms =
        checked->clock_ms > checked->server_ms ? checked->clock_ms : checked->server_ms;
    add_looks(&storage, checked->looks);
    if (!strcmp(checked->host, checked->with))
        add_looks(&storage, checked->other);
    storage.sound = storage.sound && storage.clock_ms <= STORAGE_CLOCK_MAX_MS;
    if (!checked->locks)
        storage.late_ms = STORAGE_UNKNOWN_MS;
    if (!checked->locks && storage.clock_ms < STORAGE_UNKNOWN_MS)
        storage.clock_ms = STORAGE_UNKNOWN_MS;
    return storage;
}
