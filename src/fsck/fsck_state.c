/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: how far the hashing is, in a file outside of the store, so that it can go on later. The
 * file is replaced as a whole. */
#include "fsck/fsck_state.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_SIZE_MAX ((size_t)16 << 20)
/* Whoever is killed loses at most so much. */
#define SAVE_EVERY_MS 10

/* What a run must have in common with the one that it goes on from. */
static int describe(struct fsck *fsck, struct fsck_state *state, struct err *err)
{
    struct stat st;

    if (fstat(fsck->store->fs.fd, &st) < 0)
        return err_sys(err, errno, "stat %s", fsck->store->path);
    buf_addf(&state->head, "berth-fsck 1\nstore %s\ninode %ju:%ju\noptions%s%s\n",
             fsck->store->path, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
             fsck->options.fast ? " fast" : "", fsck->options.repair ? " repair" : "");
    return 0;
}

static int parse_line(struct fsck_state *state, const char *line, size_t len)
{
    struct digest digest;

    if (len > 3 && !strncmp(line, "at ", 3)) {
        state->has_at = digest_parse(&state->at, line + 3, len - 3, NULL) == 0;
        return state->has_at;
    }
    if (len > 6 && !strncmp(line, "blobs ", 6))
        return decimal_parse(line + 6, len - 6, &state->blobs);
    if (len > 6 && !strncmp(line, "bytes ", 6))
        return decimal_parse(line + 6, len - 6, &state->bytes);
    if (len > 8 && !strncmp(line, "damaged ", 8) &&
        digest_parse(&digest, line + 8, len - 8, NULL) == 0) {
        strings_add(&state->damaged, digest.s);
        return 1;
    }
    return 0;
}

static int parse(struct fsck_state *state, const struct buf *text, const char *path,
                 struct err *err)
{
    if (text->len < state->head.len || memcmp(text->s, state->head.s, state->head.len) != 0)
        return err_set(err, ERR_USAGE,
                       "%s is the state of another store or of other options: remove it, or "
                       "name another",
                       path);
    for (const char *line = text->s + state->head.len; *line;) {
        size_t len = strcspn(line, "\n");
        if (!line[len] || !parse_line(state, line, len))
            return err_set(err, ERR_USAGE, "%s is damaged: remove it to begin anew", path);
        line += len + 1;
    }
    return 0;
}

int fsck_state_open(struct fsck *fsck, struct fsck_state *state, struct err *err)
{
    const char *path = fsck->options.state;
    AUTO_BUF text = BUF_INIT;

    *state = (struct fsck_state){.dir = {.fd = -1, .file_mode = 0600, .dir_mode = 0700}};
    if (!path)
        return 0;
    const char *slash = strrchr(path, '/');
    AUTO_BUF dir = BUF_INIT;
    buf_add(&dir, path, slash ? (size_t)(slash - path) : 0);
    if (!slash || slash == path)
        buf_addstr(&dir, slash ? "/" : ".");
    state->name = mem_strdup(slash ? slash + 1 : path);
    if (describe(fsck, state, err) < 0 || fs_root_open(&state->dir, dir.s, false, err) < 0)
        goto failed;
    int found = fs_read(&state->dir, state->name, STATE_SIZE_MAX, &text, err);
    if (found < 0 || (found > 0 && text.len > 0 && parse(state, &text, path, err) < 0) ||
        fsck_state_save(state, true, err) < 0) /* so that it fails now if it cannot be written */
        goto failed;
    return 0;
failed:
    free(state->name);
    state->name = NULL;
    fsck_state_close(state, false, NULL);
    return -1;
}

void fsck_state_done(struct fsck_state *state, const struct digest *digest, int64_t size,
                     bool damaged)
{
    if (!state->name)
        return;
    state->at = *digest;
    state->has_at = true;
    state->blobs++;
    state->bytes += size;
    if (damaged)
        strings_add(&state->damaged, digest->s);
}

int fsck_state_save(struct fsck_state *state, bool now, struct err *err)
{
    AUTO_BUF text = BUF_INIT, tmp = BUF_INIT;
    AUTO_DIRTY dirty = {0};
    int64_t ms = clock_ms();

    if (!state->name || (!now && ms - state->saved_ms < SAVE_EVERY_MS))
        return 0;
    state->saved_ms = ms;
    buf_add(&text, state->head.s, state->head.len);
    buf_addf(&text, "blobs %jd\nbytes %jd\n", (intmax_t)state->blobs, (intmax_t)state->bytes);
    if (state->has_at)
        buf_addf(&text, "at %s\n", state->at.s);
    for (size_t i = 0; i < state->damaged.n; i++)
        buf_addf(&text, "damaged %s\n", state->damaged.v[i]);
    buf_addf(&tmp, "%s.tmp", state->name);
    if (fs_unlink(&state->dir, tmp.s, &dirty, err) < 0)
        return -1;
    return fs_replace(&state->dir, tmp.s, state->name, text.s, text.len, &dirty, err);
}

int fsck_state_close(struct fsck_state *state, bool complete, struct err *err)
{
    AUTO_DIRTY dirty = {0};
    int result = 0;

    if (state->name && complete)
        result = fs_unlink(&state->dir, state->name, &dirty, err) < 0 ? -1 : 0;
    else if (state->name)
        result = fsck_state_save(state, true, err);
    free(state->name);
    state->name = NULL;
    buf_free(&state->head);
    strings_free(&state->damaged);
    fs_root_close(&state->dir);
    return result;
}
