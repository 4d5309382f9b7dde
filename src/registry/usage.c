/* SPDX-License-Identifier: Apache-2.0
 * L3: what takes the room in a store. Reads all of it, owns none. */
#include "registry/usage.h"

#include "base/array.h"
#include "base/dir.h"
#include "oci/digest_map.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/repo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Whose holder is that several repositories have it; else it is the number of the one that has it,
 * or 0. */
#define SHARED UINT32_MAX
struct blob {
    int64_t size;
    uint32_t holder;
    uint32_t counted; /* for this repository last */
    bool is_late;     /* its link may have come behind us */
};

/* The quarantine is a few levels deep. */
#define QUARANTINE_DEPTH_MAX 16

struct survey {
    const struct store *store;
    struct usage *usage;
    const struct progress *progress;
    int64_t seen;            /* links, or blobs */
    struct digest_map known; /* which of the blobs, from 1 on */
    struct blob *blobs;
    size_t n_blobs;
    int64_t start; /* ns */
    struct err *err;
    int failed; /* -1: *err is set */
};

/* A directory whose entries are visited, as far as its path tells. */
struct place {
    struct survey *survey;
    const struct name *name;
    enum digest_algorithm algorithm;
};

static void add(struct amount *sum, int64_t bytes)
{
    sum->n++;
    sum->bytes += bytes;
}

/* A symbolic link is as good as nothing, see berth-store(5). */
static int each(struct survey *survey, const char *path, dir_look_fn *look, void *context)
{
    struct err failure;

    int found = dir_look(&survey->store->fs, path, look, context, &failure);
    if (found < 0 && failure.sys != ELOOP) {
        *survey->err = failure;
        survey->failed = -1;
    }
    return survey->failed;
}

static int size_of(struct survey *survey, const char *path, struct stat *st)
{
    struct err failure;

    int found = fs_stat(&survey->store->fs, path, st, &failure);
    if (found < 0 && failure.sys == ELOOP)
        return 0;
    if (found < 0)
        *survey->err = failure;
    return found > 0 ? S_ISREG(st->st_mode) : found;
}

static struct usage_repository *last_of(const struct usage *usage)
{
    return &usage->repositories[usage->n - 1];
}

static struct blob *add_blob(struct survey *survey, const struct digest *digest,
                             const struct stat *st)
{
    struct blob *blob = ARRAY_ADD(survey->blobs, survey->n_blobs);

    *digest_map_put(&survey->known, digest) = (uint32_t)survey->n_blobs;
    *blob = (struct blob){.size = st->st_size, .is_late = fs_mtime(st) > survey->start};
    return blob;
}

/* 1, or 0: it is not there. */
static int find_blob(struct survey *survey, const struct digest *digest, struct blob **blob)
{
    const uint32_t *known = digest_map_get(&survey->known, digest);
    struct layout_path path;
    struct stat st;

    int found = known ? 1 : size_of(survey, layout_blob(&path, digest), &st);
    if (found > 0)
        *blob = known ? &survey->blobs[*known - 1] : add_blob(survey, digest, &st);
    return found;
}

/* Enters a blob of the last repository. */
static int count_blob(struct survey *survey, const struct digest *digest)
{
    struct usage *usage = survey->usage;
    struct blob *blob;

    int found = find_blob(survey, digest, &blob);
    if (found <= 0 || blob->counted == usage->n) /* as a layer and as a manifest */
        return found;
    blob->counted = (uint32_t)usage->n;
    if (blob->holder == 0) {
        blob->holder = (uint32_t)usage->n;
        add(&last_of(usage)->own, blob->size);
        return 1;
    }
    if (blob->holder != SHARED) {
        struct usage_repository *first = &usage->repositories[blob->holder - 1];
        first->own.n--;
        first->own.bytes -= blob->size;
        add(&first->shared, blob->size);
        blob->holder = SHARED;
    }
    add(&last_of(usage)->shared, blob->size);
    return 1;
}

/* A file in a directory of a listing, as what is_directory says needs no path from the root. */
static int size_in(struct survey *survey, const struct dir_entry *entry, const char *file,
                   struct stat *st)
{
    char path[DIGEST_HEX_MAX + 16];

    snprintf(path, sizeof path, "%s/%s", entry->name, file);
    int found = dir_peek(entry->dir, path, st, survey->err);
    return found > 0 ? S_ISREG(st->st_mode) : found;
}

/* 1: a link to a blob that is there, which is counted. */
static int count_link(const struct place *place, const struct dir_entry *entry,
                      const char *(*path_of)(struct layout_path *, const struct name *,
                                             const struct digest *))
{
    struct survey *survey = place->survey;
    struct layout_path path;
    struct digest digest;
    struct stat st;

    progress_at(survey->progress, "links", survey->seen++, -1);
    if (digest_from_hex(&digest, place->algorithm, entry->name, NULL) < 0)
        return 0;
    int linked = entry->is_directory ? size_in(survey, entry, LAYOUT_LINK, &st)
                                     : size_of(survey, path_of(&path, place->name, &digest), &st);
    if (linked > 0)
        linked = count_blob(survey, &digest);
    survey->failed = linked < 0 ? -1 : 0;
    return linked;
}

static bool visit_layer(void *context, const struct dir_entry *entry)
{
    return count_link(context, entry, layout_layer) < 0;
}

static bool visit_revision(void *context, const struct dir_entry *entry)
{
    const struct place *place = context;

    int counted = count_link(place, entry, layout_revision);
    last_of(place->survey->usage)->manifests += counted > 0;
    return counted < 0;
}

static bool visit_upload(void *context, const struct dir_entry *entry)
{
    const struct place *place = context;
    struct survey *survey = place->survey;
    struct layout_path path;
    struct stat st = {0};

    survey->failed = size_of(survey, layout_upload(&path, place->name, entry->name, "data"), &st);
    if (survey->failed > 0) {
        add(&last_of(survey->usage)->uploads, st.st_size);
        add(&survey->usage->uploads, st.st_size);
        survey->failed = 0;
    }
    return survey->failed < 0;
}

static int visit_repository(void *context, const struct name *name, struct err *err)
{
    struct survey *survey = context;
    struct usage *usage = survey->usage;
    struct place place = {survey, name, DIGEST_SHA256};
    struct layout_path path;
    char layers[sizeof path.s + 16];
    struct err failure;

    *ARRAY_ADD(usage->repositories, usage->n) =
        (struct usage_repository){.name = mem_strdup(name->s)};
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        place.algorithm = (enum digest_algorithm)i;
        snprintf(layers, sizeof layers, "%s/%s", layout_layers(&path, name),
                 digest_algorithm_name(place.algorithm));
        if (each(survey, layers, visit_layer, &place) < 0 ||
            each(survey, layout_revisions(&path, name, place.algorithm), visit_revision, &place) <
                0)
            return -1;
    }
    if (each(survey, layout_uploads(&path, name), visit_upload, &place) < 0)
        return -1;
    /* A directory in which there is nothing but others is no repository. */
    const struct usage_repository *last = last_of(usage);
    int exists = last->own.n || last->shared.n ? 1 : repo_exists(survey->store, name, &failure);
    if (exists < 0 && failure.sys != ELOOP) {
        return err_copy(err, &failure);
    }
    if (exists == 0 && last_of(usage)->uploads.n == 0)
        free(usage->repositories[--usage->n].name);
    return 0;
}

static bool visit_stored_blob(void *context, const struct dir_entry *entry)
{
    const struct place *place = context;
    struct survey *survey = place->survey;
    struct digest digest;
    struct layout_path path;
    struct stat st;

    progress_at(survey->progress, "blobs", survey->seen++, -1);
    if (digest_from_hex(&digest, place->algorithm, entry->name, NULL) < 0)
        return false;
    int found = entry->is_directory ? size_in(survey, entry, LAYOUT_DATA, &st)
                                    : size_of(survey, layout_blob(&path, &digest), &st);
    if (found > 0)
        add_blob(survey, &digest, &st);
    survey->failed = found < 0 ? -1 : 0;
    return found < 0;
}

static bool visit_blob_shelf(void *context, const struct dir_entry *entry)
{
    struct place *place = context;
    char path[sizeof LAYOUT_BLOBS + 16];

    if (strlen(entry->name) != 2)
        return false;
    snprintf(path, sizeof path, LAYOUT_BLOBS "/%s/%s", digest_algorithm_name(place->algorithm),
             entry->name);
    return each(place->survey, path, visit_stored_blob, place) < 0;
}

/* All that are there, before it is asked who has them. */
static int find_blobs(struct survey *survey)
{
    char path[sizeof LAYOUT_BLOBS + 16];

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        struct place place = {survey, NULL, (enum digest_algorithm)i};
        snprintf(path, sizeof path, LAYOUT_BLOBS "/%s", digest_algorithm_name(place.algorithm));
        if (each(survey, path, visit_blob_shelf, &place) < 0)
            return -1;
    }
    return 0;
}

static void count_blobs(const struct survey *survey)
{
    struct usage *usage = survey->usage;

    for (size_t i = 0; i < survey->n_blobs; i++) {
        const struct blob *blob = &survey->blobs[i];
        if (!blob->holder && blob->is_late)
            continue;
        add(&usage->blobs, blob->size);
        add(blob->holder ? &usage->referenced : &usage->unreferenced, blob->size);
    }
}

/* All plain files, however they are arranged. */
static int count_below(const struct survey *survey, const char *dir, int depth, struct amount *sum,
                       struct err *err)
{
    AUTO_STRINGS names = {0};

    if (depth == QUARANTINE_DEPTH_MAX)
        return 0;
    if (dir_list(&survey->store->fs, dir, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        AUTO_BUF path = BUF_INIT;
        struct stat st;
        buf_addf(&path, "%s/%s", dir, names.v[i]);
        int found = fs_stat(&survey->store->fs, path.s, &st, err);
        if (found > 0 && S_ISREG(st.st_mode))
            add(sum, st.st_size);
        else if (found > 0 && S_ISDIR(st.st_mode))
            found = count_below(survey, path.s, depth + 1, sum, err);
        if (found < 0)
            return -1;
    }
    return 0;
}

int usage_measure(const struct registry *registry, bool whole, const struct progress *progress,
                  struct usage *usage, struct err *err)
{
    struct survey survey = {.usage = usage, .progress = progress, .err = err};
    struct timespec now;

    survey.store = registry->store;
    *usage = (struct usage){0};
    clock_gettime(CLOCK_REALTIME, &now);
    survey.start = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    int result = whole ? find_blobs(&survey) : 0;
    if (result == 0)
        result = repo_walk_directories(survey.store, visit_repository, &survey, err);
    if (result == 0 && whole) {
        count_blobs(&survey);
        result = count_below(&survey, LAYOUT_QUARANTINE, 0, &usage->quarantine, err);
    }
    digest_map_free(&survey.known);
    free(survey.blobs);
    if (result < 0)
        usage_free(usage);
    return result;
}

void usage_free(struct usage *usage)
{
    for (size_t i = 0; i < usage->n; i++)
        free(usage->repositories[i].name);
    free(usage->repositories);
    *usage = (struct usage){0};
}
