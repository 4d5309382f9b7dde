/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: repositories: their directories, and what stands among them. */
#include "fsck/fsck_repo.h"

#include "base/dir.h"
#include "fsck/fsck_link.h"
#include "fsck/fsck_manifest.h"
#include "fsck/fsck_referrer.h"
#include "fsck/fsck_tag.h"
#include "fsck/fsck_tree.h"
#include "fsck/fsck_upload.h"
#include "store/holder.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* --- the two directories by which Distribution knows a repository --- */

static bool is_old(struct fsck *fsck, const struct name *name)
{
    struct layout_path path;
    struct stat st;

    return fsck_look_stat(fsck, layout_repository(&path, name), &st) > 0 &&
           time(NULL) - st.st_mtime > fsck->options.grace;
}

struct link_search {
    struct fsck *fsck;
    const struct name *name;
    enum digest_algorithm algorithm;
    bool found;
};

static bool see_layer(void *context, const char *hex)
{
    struct link_search *search = context;
    struct layout_path path;
    struct digest digest;

    if (digest_from_hex(&digest, search->algorithm, hex, NULL) == 0)
        search->found = fsck_look_link(search->fsck, layout_layer(&path, search->name, &digest));
    return search->found;
}

static bool has_layers(struct fsck *fsck, const struct name *name)
{
    struct link_search search = {fsck, name, DIGEST_SHA256, false};
    struct layout_path path;
    struct err err;

    for (int i = 0; i < DIGEST_ALGORITHMS && !search.found; i++) {
        AUTO_BUF dir = BUF_INIT;
        search.algorithm = (enum digest_algorithm)i;
        buf_addf(&dir, "%s/%s", layout_layers(&path, name),
                 digest_algorithm_name(search.algorithm));
        fsck_run_saw(fsck, dir.s, dir_each(&fsck->store->fs, dir.s, see_layer, &search, &err),
                     &err);
    }
    return search.found;
}

static bool lacks_directory(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct layout_path layers, manifests;
    struct err err;

    if (fsck_look_type(fsck, suspicion->path) != FSCK_ABSENT)
        return false;
    layout_layers(&layers, suspicion->name);
    layout_manifests(&manifests, suspicion->name);
    if (!strcmp(suspicion->path, layers.s))
        return fsck_run_saw(fsck, manifests.s,
                            repo_has_manifests(fsck->store, suspicion->name, &err), &err) > 0;
    /* Distribution makes this one with the first manifest only, and who removes a repository
     * removes this one first. */
    return (fsck->own || fsck->options.repair) && is_old(fsck, suspicion->name) &&
           has_layers(fsck, suspicion->name);
}

static int make_directories(struct fsck *fsck, const struct fsck_suspect *suspicion,
                            struct buf *what, struct err *err)
{
    AUTO_DIRTY dirty = {0};

    if (repo_create(fsck->store, suspicion->name, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addstr(what, "made");
    return 0;
}

/* slow: who pushes the first blob makes them one after the other. */
static void check_directory(struct fsck *fsck, const struct name *name, const char *path,
                            enum fsck_code code)
{
    struct fsck_suspect suspicion = {
        .code = code,
        .path = path,
        .name = name,
        .text = "is missing: Distribution does not know the repository then",
        .holds = lacks_directory,
        .mend = make_directories,
        .slow = true,
    };

    if (fsck_tree_expect_path(fsck, name, path, FSCK_DIRECTORY) != FSCK_FAULTY &&
        lacks_directory(fsck, &suspicion))
        fsck_suspect_settle(fsck, &suspicion);
}

static void visit_manifests_part(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    if (strcmp(entry->name, "revisions") != 0 && strcmp(entry->name, "tags") != 0)
        fsck_tree_foreign(fsck, context, entry, FSCK_FOREIGN_FILE);
}

/* --- layers --- */

struct layer_notes {
    struct fsck *fsck;
    const struct name *name;
};

/* --- manifests --- */

struct revisions {
    struct fsck *fsck;
    const struct name *name;
    enum digest_algorithm algorithm;
};

static bool visit_revision(void *context, const char *hex)
{
    const struct revisions *revisions = context;
    struct layout_path path;
    struct digest digest;

    if (digest_from_hex(&digest, revisions->algorithm, hex, NULL) == 0 &&
        fsck_look_link(revisions->fsck, layout_revision(&path, revisions->name, &digest)))
        fsck_manifest_check(revisions->fsck, revisions->name, &digest);
    return fsck_run_stopped(revisions->fsck);
}

static void check_revisions(struct fsck *fsck, const struct name *name)
{
    struct revisions revisions = {fsck, name, DIGEST_SHA256};
    struct layout_path path;
    struct err err;

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        revisions.algorithm = (enum digest_algorithm)i;
        layout_revisions(&path, name, revisions.algorithm);
        fsck_run_saw(fsck, path.s,
                     dir_each(&fsck->store->fs, path.s, visit_revision, &revisions, &err), &err);
    }
}

/* Where it has the right to write, a check puts right what is known of who has a blob. */
static int note_layer(void *context, const struct digest *digest, struct err *err)
{
    const struct layer_notes *notes = context;

    int has = repo_has_layer(notes->fsck->store, notes->name, digest, err);
    return has > 0 ? holder_note(notes->fsck->store, notes->name, digest, err) : has;
}

static void note_layers(struct fsck *fsck, const struct name *name)
{
    struct layer_notes notes = {fsck, name};
    struct lock gc = {-1};

    if (!fsck->options.repair)
        return;
    if (lock_gc(fsck->store, FS_LOCK_SHARED, &gc, NULL) < 0 ||
        repo_each_digest(fsck->store, name, note_layer, &notes, NULL) < 0)
        fsck->unnoted = true;
    lock_free(&gc);
}

/* Links come before what is found by them. */
static void check_repository(struct fsck *fsck, const struct name *name)
{
    struct layout_path layers, manifests, revisions;
    struct name owner = *name;

    fsck->summary.repositories++;
    layout_layers(&layers, name);
    layout_manifests(&manifests, name);
    check_directory(fsck, name, layers.s, FSCK_REPOSITORY_LAYERS);
    check_directory(fsck, name, manifests.s, FSCK_REPOSITORY_MANIFESTS);
    fsck_tree_each_digest(fsck, name, layers.s, fsck_link_check, NULL);
    note_layers(fsck, name);
    snprintf(revisions.s, sizeof revisions.s, "%.1000s/revisions", manifests.s);
    fsck_tree_each(fsck, manifests.s, visit_manifests_part, &owner);
    if (fsck_tree_expect_path(fsck, name, revisions.s, FSCK_DIRECTORY) == FSCK_SOUND)
        fsck_tree_each_digest(fsck, name, revisions.s, fsck_link_check, NULL);
    fsck_tag_check_all(fsck, name);
    fsck_referrer_check_all(fsck, name);
    check_revisions(fsck, name);
    fsck_upload_check_all(fsck, name);
    digest_map_free(&fsck->linkless);
}

/* --- directories of repositories --- */

static bool is_part(const char *name)
{
    return !strcmp(name, LAYOUT_NAME_LAYERS) || !strcmp(name, LAYOUT_NAME_MANIFESTS) ||
           !strcmp(name, LAYOUT_NAME_UPLOADS) || !strcmp(name, LAYOUT_NAME_REFERRERS);
}

struct level {
    const char *name; /* "": the top */
    bool is_repository;
};

static void visit_name(struct fsck *fsck, void *context, const struct fsck_entry *entry);

/* Distribution passes over directories with an underscore in front, whatever they are for. */
static void visit_underscore(struct fsck *fsck, struct level *level, const struct fsck_entry *entry)
{
    struct name name;
    bool named = name_parse(&name, level->name, strlen(level->name), NULL) == 0;

    if (is_part(entry->name) && named)
        level->is_repository = true; /* whatever stands there is looked at with the repository */
    else if (entry->type == FSCK_FILE)
        fsck_tree_foreign(fsck, NULL, entry, FSCK_FOREIGN_UNDERSCORE);
    else if (entry->type != FSCK_DIRECTORY)
        fsck_tree_expect(fsck, NULL, entry, FSCK_DIRECTORY);
}

/* The depth is bounded by the length of a name. */
static void check_level(struct fsck *fsck, const char *path, const char *text)
{
    struct level level = {text, false};
    struct name name;

    fsck_tree_each(fsck, path, visit_name, &level);
    if (level.is_repository && name_parse(&name, text, strlen(text), NULL) == 0)
        check_repository(fsck, &name);
}

static void visit_name(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct level *level = context;
    struct name name;

    fsck_run_step(fsck, "repositories");
    if (entry->name[0] == '_') {
        visit_underscore(fsck, level, entry);
        return;
    }
    if (entry->type == FSCK_FILE) {
        fsck_tree_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
        return;
    }
    if (fsck_tree_expect(fsck, NULL, entry, FSCK_DIRECTORY) != FSCK_SOUND)
        return;
    const char *text = entry->path + sizeof LAYOUT_REPOSITORIES;
    if (name_parse(&name, text, strlen(text), NULL) < 0)
        fsck_tree_foreign(fsck, NULL, entry, FSCK_REPOSITORY_NAME);
    else
        check_level(fsck, entry->path, name.s);
}

void fsck_repo_check_all(struct fsck *fsck)
{
    if (fsck_look_type(fsck, LAYOUT_REPOSITORIES) == FSCK_DIRECTORY)
        check_level(fsck, LAYOUT_REPOSITORIES, "");
    if (fsck->options.repair && !fsck->unnoted && !fsck_run_stopped(fsck))
        holder_set_complete(fsck->store, NULL);
}
