/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: upload sessions. One that is younger than the grace may be half-written; one that is
 * whole goes on for as long as it likes. */
#include "fsck/fsck_upload.h"

#include "base/uuid.h"
#include "fsck/fsck_tree.h"
#include "store/layout.h"
#include "store/upload.h"

#include <string.h>
#include <time.h>

struct session {
    const struct name *name;
    const char *id;
};

static void newest(struct fsck *fsck, const char *path, time_t *mtime)
{
    struct stat st;

    if (fsck_look_stat(fsck, path, &st) > 0 && st.st_mtime > *mtime)
        *mtime = st.st_mtime;
}

static bool is_old(struct fsck *fsck, const struct session *session)
{
    static const char *const files[] = {NULL, "data", "startedat", "state"};
    struct layout_path path;
    time_t mtime = 0;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        newest(fsck, layout_upload(&path, session->name, session->id, files[i]), &mtime);
    return mtime > 0 && time(NULL) - mtime > fsck->options.grace;
}

static bool is_half(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct session *session = suspicion->context;
    struct err err;

    if (!is_old(fsck, session))
        return false;
    int whole = upload_is_whole(fsck->store, session->name, session->id, &err);
    return fsck_run_saw(fsck, suspicion->path, whole, &err) == 0;
}

static int remove_session(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                          struct err *err)
{
    const struct session *session = suspicion->context;

    if (upload_clear(fsck->store, session->name, session->id, err) < 0)
        return -1;
    buf_addstr(what, "removed");
    return 0;
}

static void visit_part(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    bool directory = !strcmp(entry->name, "hashstates");

    if (directory || !strcmp(entry->name, "data") || !strcmp(entry->name, "startedat") ||
        !strcmp(entry->name, "state"))
        fsck_tree_expect(fsck, context, entry, directory ? FSCK_DIRECTORY : FSCK_FILE);
    else
        fsck_tree_foreign(fsck, context, entry, FSCK_FOREIGN_FILE);
}

static void visit_session(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct name *name = context;
    struct session session = {name, entry->name};
    struct fsck_suspect suspicion = {
        .code = FSCK_UPLOAD_HALF,
        .path = entry->path,
        .name = name,
        .text = "an old session without its data or its start, or with a damaged state",
        .holds = is_half,
        .mend = remove_session,
        .context = &session,
    };

    fsck_run_step(fsck, "uploads");
    if (!uuid_valid(entry->name, strlen(entry->name))) {
        fsck_tree_foreign(fsck, name, entry, FSCK_UPLOAD_NAME);
        return;
    }
    if (fsck_tree_expect(fsck, name, entry, FSCK_DIRECTORY) != FSCK_SOUND)
        return;
    fsck_tree_each(fsck, entry->path, visit_part, name);
    if (is_half(fsck, &suspicion))
        fsck_suspect_settle(fsck, &suspicion);
}

void fsck_upload_check_all(struct fsck *fsck, const struct name *name)
{
    struct layout_path path;
    AUTO_BUF dir = BUF_INIT;
    struct name owner = *name;

    buf_addf(&dir, "%s/" LAYOUT_NAME_UPLOADS, layout_repository(&path, name));
    if (fsck_tree_expect_path(fsck, name, dir.s, FSCK_DIRECTORY) == FSCK_SOUND)
        fsck_tree_each(fsck, dir.s, visit_session, &owner);
}
