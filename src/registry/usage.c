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

/* In the map: that several repositories have the blob. Else the number of the one that has it. */
#define SHARED UINT32_MAX

/* The quarantine is a few levels deep. */
#define QUARANTINE_DEPTH_MAX 16

struct survey {
    const struct store *store;
    struct usage *usage;
    const struct progress *progress;
    int64_t seen; /* links, later blobs */
    struct digest_map holders;
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
static int each(struct survey *survey, const char *path, dir_visit_fn *visit, void *context)
{
    struct err failure;

    int found = dir_each(&survey->store->fs, path, visit, context, &failure);
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

/* Enters a blob of the last repository. */
static int count_blob(struct survey *survey, const struct digest *digest)
{
    struct usage *usage = survey->usage;
    struct layout_path path;
    struct stat st;

    int found = size_of(survey, layout_blob(&path, digest), &st);
    if (found <= 0)
        return found;
    uint32_t *holder = digest_map_put(&survey->holders, digest);
    if (*holder == 0) {
        *holder = (uint32_t)usage->n;
        add(&last_of(usage)->own, st.st_size);
    } else {
        if (*holder != SHARED) {
            struct usage_repository *first = &usage->repositories[*holder - 1];
            first->own.n--;
            first->own.bytes -= st.st_size;
            add(&first->shared, st.st_size);
            *holder = SHARED;
        }
        add(&last_of(usage)->shared, st.st_size);
    }
    return 1;
}

typedef const char *link_path(struct layout_path *path, const struct name *name,
                              const struct digest *digest);

/* 1 and *digest: there is such a link. */
static int find_link(const struct place *place, const char *hex, link_path *path_of,
                     struct digest *digest)
{
    struct survey *survey = place->survey;
    struct layout_path path;
    struct stat st;

    progress_at(survey->progress, "links", survey->seen++, -1);
    if (digest_from_hex(digest, place->algorithm, hex, NULL) < 0)
        return 0;
    return size_of(survey, path_of(&path, place->name, digest), &st);
}

static bool visit_layer(void *context, const char *hex)
{
    const struct place *place = context;
    struct digest digest;

    int linked = find_link(place, hex, layout_layer, &digest);
    if (linked > 0)
        linked = count_blob(place->survey, &digest);
    place->survey->failed = linked < 0 ? -1 : 0;
    return linked < 0;
}

/* What is linked as a layer too was counted there. */
static bool visit_revision(void *context, const char *hex)
{
    const struct place *place = context;
    struct survey *survey = place->survey;
    struct digest digest;
    struct layout_path path;
    struct stat st;

    int linked = find_link(place, hex, layout_revision, &digest);
    if (linked > 0) {
        int counted = size_of(survey, layout_layer(&path, place->name, &digest), &st);
        linked = counted == 0  ? count_blob(survey, &digest)
                 : counted > 0 ? size_of(survey, layout_blob(&path, &digest), &st)
                               : -1;
    }
    last_of(survey->usage)->manifests += linked > 0;
    survey->failed = linked < 0 ? -1 : 0;
    return linked < 0;
}

static bool visit_upload(void *context, const char *id)
{
    const struct place *place = context;
    struct survey *survey = place->survey;
    struct layout_path path;
    struct stat st = {0};

    survey->failed = size_of(survey, layout_upload(&path, place->name, id, "data"), &st);
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
    int exists = repo_exists(survey->store, name, &failure);
    if (exists < 0 && failure.sys != ELOOP) {
        return err_copy(err, &failure);
    }
    if (exists == 0 && last_of(usage)->uploads.n == 0)
        free(usage->repositories[--usage->n].name);
    return 0;
}

static bool visit_stored_blob(void *context, const char *hex)
{
    const struct place *place = context;
    struct survey *survey = place->survey;
    struct usage *usage = survey->usage;
    struct digest digest;
    struct layout_path path;
    struct stat st;

    progress_at(survey->progress, "blobs", survey->seen++, -1);
    if (digest_from_hex(&digest, place->algorithm, hex, NULL) < 0)
        return false;
    survey->failed = size_of(survey, layout_blob(&path, &digest), &st);
    if (survey->failed <= 0)
        return survey->failed < 0;
    survey->failed = 0;
    bool referenced = digest_map_get(&survey->holders, &digest) != NULL;
    bool came_later = fs_mtime(&st) > survey->start;
    if (!referenced && came_later) /* its link may have come behind us */
        return false;
    add(&usage->blobs, st.st_size);
    add(referenced ? &usage->referenced : &usage->unreferenced, st.st_size);
    return false;
}

static bool visit_blob_shelf(void *context, const char *shelf)
{
    struct place *place = context;
    char path[sizeof LAYOUT_BLOBS + 16];

    if (strlen(shelf) != 2)
        return false;
    snprintf(path, sizeof path, LAYOUT_BLOBS "/%s/%s", digest_algorithm_name(place->algorithm),
             shelf);
    return each(place->survey, path, visit_stored_blob, place) < 0;
}

static int count_blobs(struct survey *survey)
{
    char path[sizeof LAYOUT_BLOBS + 16];

    survey->seen = 0;
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        struct place place = {survey, NULL, (enum digest_algorithm)i};
        snprintf(path, sizeof path, LAYOUT_BLOBS "/%s", digest_algorithm_name(place.algorithm));
        if (each(survey, path, visit_blob_shelf, &place) < 0)
            return -1;
    }
    return 0;
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
    int result = repo_walk_directories(survey.store, visit_repository, &survey, err);
    if (result == 0 && whole)
        result = count_blobs(&survey);
    if (result == 0 && whole)
        result = count_below(&survey, LAYOUT_QUARANTINE, 0, &usage->quarantine, err);
    digest_map_free(&survey.holders);
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
