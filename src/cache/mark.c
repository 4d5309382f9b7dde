/* SPDX-License-Identifier: Apache-2.0
 * L3: what all processes know of upstreams. Owns _berth/fetch/upstream, flights and slots. */
#include "cache/mark.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/dir.h"
#include "base/fs_lock.h"
#include "base/log.h"
#include "cache/place.h"
#include "oci/digester.h"
#include "store/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCKED "blocked"
#define BLOCKED_SIZE_MAX 4096
#define PAUSE_FIRST_MS 2
#define PAUSE_MAX_MS 50

static const char *const kinds[] = {[MARK_CHECKED] = "checked", [MARK_MISSING] = "missing"};

const char *mark_key(struct mark_key *key, const char *verb, const char *name, const char *what)
{
    const bool is_blob = !strcmp(verb, "blob") || !strcmp(verb, "confirm"); /* whichever asks */

    if (is_blob) /* what is no blob there may well be a manifest */
        snprintf(key->s, sizeof key->s, "blob %s@%s", name, what);
    else if (!strcmp(verb, "manifest"))
        snprintf(key->s, sizeof key->s, "%s%c%s", name, strchr(what, ':') ? '@' : ':', what);
    else
        snprintf(key->s, sizeof key->s, "%s %s %s", verb, name, what);
    return key->s;
}

int64_t mark_age(const struct store *store, enum mark mark, const struct upstream *upstream,
                 const char *key)
{
    struct place place;
    struct stat st;

    if (fs_stat(&store->fs, place_mark(&place, upstream, kinds[mark], key), &st, NULL) <= 0)
        return -1;
    int64_t age = (int64_t)time(NULL) - st.st_mtime;
    return age > 0 ? age : 0;
}

bool mark_is_fresh(const struct store *store, enum mark mark, const struct upstream *upstream,
                   const char *key, int64_t seconds)
{
    struct place place;
    struct stat st;

    if (fs_stat(&store->fs, place_mark(&place, upstream, kinds[mark], key), &st, NULL) <= 0)
        return false;
    int64_t age = (int64_t)time(NULL) - st.st_mtime;
    return age < seconds && age > -seconds - 60; /* one from the future is of a clock gone wrong */
}

/* Opens a file, whose directory may not be there yet. */
static int open_made(const struct store *store, const char *path, int flags, int *fd,
                     struct err *err)
{
    AUTO_BUF dir = BUF_INIT;
    AUTO_DIRTY dirty = {0}; /* nothing here need be durable */

    int opened = fs_open(&store->fs, path, flags | O_CREAT, fd, err);
    if (opened)
        return opened;
    buf_add(&dir, path, (size_t)(strrchr(path, '/') - path));
    if (dir_make(&store->fs, dir.s, &dirty, err) < 0)
        return -1;
    opened = fs_open(&store->fs, path, flags | O_CREAT, fd, err);
    return opened ? opened : err_set(err, ERR_IO, "%s went away", dir.s);
}

void mark_set(const struct store *store, enum mark mark, const struct upstream *upstream,
              const char *key)
{
    struct place place;
    AUTO_FD fd = -1;
    struct err err;

    int touched = fs_touch(&store->fs, place_mark(&place, upstream, kinds[mark], key), &err);
    if (touched == 0)
        touched = open_made(store, place.s, O_WRONLY, &fd, &err);
    if (touched < 0)
        log_debug("%s: %s", place.s, err.msg);
}

void mark_clear(const struct store *store, enum mark mark, const struct upstream *upstream,
                const char *key)
{
    struct place place;
    AUTO_DIRTY dirty = {0};

    fs_unlink(&store->fs, place_mark(&place, upstream, kinds[mark], key), &dirty, NULL);
}

int64_t mark_blocked(const struct store *store, const struct upstream *upstream, struct buf *why)
{
    struct place place;
    AUTO_BUF text = BUF_INIT;
    int64_t until;
    size_t at = 0;

    if (fs_read(&store->fs, place_upstream(&place, upstream, BLOCKED), BLOCKED_SIZE_MAX, &text,
                NULL) <= 0)
        return 0;
    buf_addstr(&text, "\n\n");
    const char *line = buf_line(&text, &at);
    if (!decimal_parse(line, strlen(line), &until) || until <= (int64_t)time(NULL))
        return 0;
    if (why)
        buf_addstr(why, buf_line(&text, &at));
    return until - (int64_t)time(NULL);
}

void mark_block(const struct store *store, const struct upstream *upstream, int64_t until,
                const char *why)
{
    struct layout_path tmp;
    struct place place;
    AUTO_BUF text = BUF_INIT;
    AUTO_DIRTY dirty = {0};
    struct err err;

    buf_addf(&text, "%jd\n%s\n", (intmax_t)until, why);
    if (fs_replace(&store->fs, layout_tmp(&tmp), place_upstream(&place, upstream, BLOCKED), text.s,
                   text.len, &dirty, &err) < 0)
        log_debug("%s: %s", place.s, err.msg);
}

/* A byte of the file for each key. */
static off_t byte_of(const struct upstream *upstream, const char *key)
{
    AUTO_BUF text = BUF_INIT;
    struct digest digest;
    off_t at = 0;

    buf_addf(&text, "%s %s", upstream->title, key);
    digester_of(&digest, DIGEST_SHA256, text.s, text.len);
    for (const char *hex = digest_hex(&digest), *end = hex + 15; hex < end; hex++)
        at = at * 16 + (*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
    return at;
}

static void pause_ms(int ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

int mark_flight(const struct store *store, const struct upstream *upstream, const char *key,
                int timeout_ms, int *fd, bool *waited, struct err *err)
{
    struct place place;
    AUTO_FD file = -1;
    const int64_t end = clock_ms() + timeout_ms;
    const off_t at = byte_of(upstream, key);
    int taken, pause = PAUSE_FIRST_MS;

    *waited = false;
    if (open_made(store, place_locks(&place, "flights"), O_RDWR, &file, err) < 0)
        return -1;
    while ((taken = fs_lock_range(file, at, 1, err)) == 0 && clock_ms() < end) {
        *waited = true;
        pause_ms(pause);
        pause = pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
    }
    if (taken > 0) {
        *fd = file;
        file = -1;
    }
    return taken;
}

/* One of n bytes of the file that are this host's. */
static int take_one(const struct store *store, const char *path, int64_t n, int *fd,
                    struct err *err)
{
    AUTO_FD file = -1;
    char host[256] = "";
    off_t first = 0;
    int taken = 0;

    gethostname(host, sizeof host - 1);
    for (const char *c = host; *c; c++)
        first = (first * 31 + *c) & 0xffffffff;
    first *= 65536;
    if (open_made(store, path, O_RDWR, &file, err) < 0)
        return -1;
    for (off_t i = 0; i < n && taken == 0; i++)
        taken = fs_lock_range(file, first + i, 1, err);
    if (taken > 0) {
        *fd = file;
        file = -1;
    }
    return taken;
}

int mark_slot(const struct store *store, int64_t n, int *fd, struct err *err)
{
    struct place place;

    return take_one(store, place_locks(&place, "slots"), n, fd, err);
}

int mark_connection(const struct store *store, const struct upstream *upstream, int *fd,
                    struct err *err)
{
    struct place place;
    int taken;

    place_upstream(&place, upstream, "connections");
    while ((taken = take_one(store, place.s, upstream->connections, fd, err)) == 0)
        pause_ms(PAUSE_MAX_MS);
    return taken;
}
