/* SPDX-License-Identifier: Apache-2.0
 * L2: two hosts meet in a directory by a word. Owns _berth/check. */
#include "storage/storage_meet.h"

#include "base/clock.h"
#include "base/dir.h"
#include "base/fs_lock.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORD_MAX 32
/* For the other one's next step, which may wait for a cache itself. */
#define STEP_MS 150000
/* For as long both are there before it is said that they cannot see each other's locks. */
#define BLIND_MS 6000
#define HELLO_MS 500

/* The bytes of the file by which they meet. Each of the two holds its own: that it is there, that
 * it has locked all its steps, and those that it has not done yet. */
#define BYTE_THERE(who) (who)
#define BYTE_READY(who) (2 + (who))
#define BYTE_STEP(who, n) (1000 * (1 + (who)) + (n))
#define STEPS_MAX 900

void storage_meet_pause(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

/* A file of this meeting; what: "" is the one by which they meet. */
const char *storage_meet_path(const struct storage_pair *pair, const char *what,
                              struct layout_path *path)
{
    snprintf(path->s, sizeof path->s, "%s/%s%s%s", pair->meeting->dir, pair->meeting->word,
             *what ? "." : "", what);
    return path->s;
}

int storage_meet_put(const struct storage_pair *pair, const char *what, const char *text,
                     struct err *err)
{
    struct layout_path tmp, path;
    AUTO_DIRTY unneeded = {0};
    char new[64];

    snprintf(new, sizeof new, "new-%s", pair->hello);
    storage_meet_path(pair, new, &tmp);
    return fs_replace(pair->meeting->root, tmp.s, storage_meet_path(pair, what, &path), text,
                      strlen(text), &unneeded, err);
}

/* How they tell each other: a step is done when its lock is let go of. */

int storage_meet_done(const struct storage_pair *pair, struct err *err)
{
    return fs_lock_release(pair->fd, BYTE_STEP(pair->me, pair->step), 1, err);
}

int storage_meet_await(const struct storage_pair *pair, bool stays, struct err *err)
{
    int other = !pair->me;
    int64_t deadline = clock_ms() + STEP_MS;

    for (;;) {
        int held = fs_lock_is_held(pair->fd, BYTE_STEP(other, pair->step), err);
        if (held < 0)
            return -1;
        if (!held)
            break;
        if (clock_ms() > deadline)
            return err_set(err, ERR_UNREACHABLE, "the other host does nothing any more");
        storage_meet_pause(1);
    }
    int there = stays ? fs_lock_is_held(pair->fd, BYTE_THERE(other), err) : 1;
    if (there == 0)
        return err_set(err, ERR_UNREACHABLE, "the other host has gone away: start both again");
    return there < 0 ? -1 : 0;
}

int storage_meet_both(struct storage_pair *pair, bool last, struct err *err)
{
    if (storage_meet_done(pair, err) < 0 || storage_meet_await(pair, !last, err) < 0)
        return -1;
    pair->step++;
    return 0;
}

static int check_word(const char *word, struct err *err)
{
    size_t len = strlen(word);

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)word[i]) && word[i] != '-')
            len = 0;
    if (len == 0 || len > WORD_MAX)
        return err_set(err, ERR_USAGE,
                       "\"%s\" is no word to meet by: letters, digits and hyphens, up to %d", word,
                       WORD_MAX);
    return 0;
}

static int lock_or_busy(const struct storage_pair *pair, int at, int n, struct err *err)
{
    int locked = fs_lock_range(pair->fd, at, n, err);

    if (locked == 0)
        return err_set(err, ERR_BUSY, "two others meet by the word %s already: take another one",
                       pair->meeting->word);
    return locked < 0 ? -1 : 0;
}

static int join(struct storage_pair *pair, struct err *err)
{
    struct layout_path path;

    int found = fs_open(pair->meeting->root, storage_meet_path(pair, "", &path), O_RDWR | O_CREAT,
                        &pair->fd, err);
    if (found <= 0)
        return found < 0 ? -1 : err_set(err, ERR_IO, "%s cannot be made", path.s);
    int first = fs_lock_range(pair->fd, BYTE_THERE(0), 1, err);
    if (first < 0)
        return -1;
    pair->me = !first;
    if ((!first && lock_or_busy(pair, BYTE_THERE(1), 1, err) < 0) ||
        lock_or_busy(pair, BYTE_STEP(pair->me, 0), STEPS_MAX, err) < 0 ||
        lock_or_busy(pair, BYTE_READY(pair->me), 1, err) < 0)
        return -1;
    return 0;
}

/* For one that cannot see the locks: a file that changes for as long as this one waits. */
static int greet(struct storage_pair *pair, struct err *err)
{
    char text[32], what[80];

    if (clock_ms() < pair->hello_ms + HELLO_MS)
        return 0;
    pair->hello_ms = clock_ms();
    snprintf(text, sizeof text, "%u", ++pair->hellos);
    snprintf(what, sizeof what, "hello-%s", pair->hello);
    return storage_meet_put(pair, what, text, err);
}

struct stranger {
    const struct storage_pair *pair;
    char name[128];
    char text[32]; /* what its file held */
    int64_t since; /* it is known to be alive */
};

static bool visit_hello(void *context, const char *name)
{
    struct stranger *stranger = context;
    char prefix[WORD_MAX + 16];

    snprintf(prefix, sizeof prefix, "%s.hello-", stranger->pair->meeting->word);
    if (strncmp(name, prefix, strlen(prefix)) != 0 ||
        !strcmp(name + strlen(prefix), stranger->pair->hello))
        return false;
    snprintf(stranger->name, sizeof stranger->name, "%s", name);
    return true;
}

/* Whether there is another one, whose locks are not seen for long enough. */
static int is_blind(const struct storage_pair *pair, struct stranger *stranger, struct err *err)
{
    const struct storage_meeting *meeting = pair->meeting;
    AUTO_BUF text = BUF_INIT;
    struct layout_path path;

    if (stranger->since && clock_ms() > stranger->since + BLIND_MS)
        return 1; /* it may have found out before */
    stranger->name[0] = '\0';
    if (dir_each(meeting->root, meeting->dir, visit_hello, stranger, err) < 0)
        return -1;
    if (!stranger->name[0])
        return 0;
    snprintf(path.s, sizeof path.s, "%s/%s", meeting->dir, stranger->name);
    if (fs_read(meeting->root, path.s, sizeof stranger->text - 1, &text, NULL) <= 0)
        return 0;
    if (stranger->text[0] && strcmp(stranger->text, text.s) != 0 && !stranger->since)
        stranger->since = clock_ms();
    snprintf(stranger->text, sizeof stranger->text, "%s", text.s);
    return 0;
}

/* 0: it is there, but its locks are not seen. */
static int await_other(struct storage_pair *pair, struct err *err)
{
    int64_t deadline = clock_ms() + pair->meeting->patience_ms;
    struct stranger stranger = {.pair = pair};

    for (;;) {
        int held = fs_lock_is_held(pair->fd, BYTE_READY(!pair->me), err);
        if (held)
            return held;
        if (greet(pair, err) < 0)
            return -1;
        int blind = is_blind(pair, &stranger, err);
        if (blind)
            return blind < 0 ? -1 : 0;
        if (clock_ms() > deadline)
            return err_set(err, ERR_BUSY, "no other host came with the word %s",
                           pair->meeting->word);
        storage_meet_pause(50);
    }
}

static bool visit_litter(void *context, const char *name)
{
    struct strings *names = context;

    strings_add(names, name);
    return false;
}

/* All that belongs to the word. The first one does it, once the second one has left. Where both
 * take themselves for the first one, each takes its own. */
static void clear(const struct storage_pair *pair, bool all)
{
    const struct storage_meeting *meeting = pair->meeting;
    AUTO_STRINGS names = {0};
    AUTO_DIRTY unneeded = {0};
    size_t len = strlen(meeting->word);
    int64_t deadline = clock_ms() + HELLO_MS * 10;

    while (all && fs_lock_is_held(pair->fd, BYTE_THERE(1), NULL) > 0 && clock_ms() < deadline)
        storage_meet_pause(10);
    dir_each(meeting->root, meeting->dir, visit_litter, &names, NULL);
    for (size_t i = 0; i < names.n; i++) {
        struct layout_path path;
        snprintf(path.s, sizeof path.s, "%s/%s", meeting->dir, names.v[i]);
        bool own = pair->hello[0] && strstr(names.v[i], pair->hello);
        if (!strncmp(names.v[i], meeting->word, len) &&
            (own || (all && (!names.v[i][len] || names.v[i][len] == '.'))))
            fs_unlink(meeting->root, path.s, &unneeded, NULL);
    }
}

int storage_meet_begin(struct storage_pair *pair, const struct storage_meeting *meeting,
                       struct err *err)
{
    *pair = (struct storage_pair){.meeting = meeting, .fd = -1, .me = -1};
    uuid_make(pair->hello);
    if (check_word(meeting->word, err) < 0 || join(pair, err) < 0)
        return -1;
    int met = await_other(pair, err);
    pair->blind = met == 0;
    return met;
}

void storage_meet_end(struct storage_pair *pair)
{
    if (pair->fd >= 0)
        clear(pair, pair->me == 0 && !pair->blind);
    fs_lock_close(&pair->fd);
}
