/* SPDX-License-Identifier: Apache-2.0
 * L3: retention: reading a repository. */
#include "registry/retain_read.h"

#include "oci/attached.h"
#include "oci/digest_map.h"
#include "registry/pull.h"
#include "registry/pulled.h"
#include "store/repo.h"
#include "store/tag.h"

#include <string.h>
#include <time.h>

struct reading {
    const struct registry *registry;
    struct retain_run *run;
    const struct name *name;
    struct retain_history *history;
    struct digest_map numbers; /* of manifests, from 1 */
};

/* The clock of files' times, which is a tick behind the other. */
static int64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint32_t number_of(const struct reading *reading, const struct digest *digest)
{
    const uint32_t *number = digest_map_get(&reading->numbers, digest);

    return number ? *number - 1 : RETAIN_NONE;
}

static int read_pulls(const struct reading *reading, struct err *err)
{
    const struct retain_run *run = reading->run;

    reading->history->since = -1;
    if (!run->section->pulled.text)
        return 0;
    /* A store that cannot be written to will not let anything be removed, and say so then. */
    if (!run->dry_run)
        pulled_begin(reading->registry->store, reading->name, NULL);
    return pulled_since(reading->registry->store, reading->name, &reading->history->since, err) < 0
               ? -1
               : 0;
}

static int read_tag(const struct reading *reading, const char *text, struct err *err)
{
    const struct retain_run *run = reading->run;
    const struct registry_rules *rules = &reading->registry->rules;
    struct retain_tag tag = {.name = text, .pulled = -1, .subject = RETAIN_NONE};
    struct tag name;

    if (tag_parse(&name, text, strlen(text), err) < 0)
        return -1;
    int found = tag_get(reading->registry->store, reading->name, &name, &tag.digest, err);
    if (found > 0)
        found = tag_time(reading->registry->store, reading->name, &name, &tag.set, err);
    if (found > 0 && run->section->pulled.text &&
        pulled_time(reading->registry->store, reading->name, &name, &tag.pulled, err) < 0)
        return -1;
    if (found <= 0) /* removed right now */
        return found;
    tag.immutable = rules->may_move && !rules->may_move(rules->context, reading->name, &name);
    *retain_add_tag(reading->history) = tag;
    return 1;
}

static int read_tags(const struct reading *reading, struct err *err)
{
    struct strings *names = &reading->history->names;

    if (tag_list(reading->registry->store, reading->name, names, err) < 0)
        return -1;
    for (size_t i = 0; i < names->n; i++)
        if (read_tag(reading, names->v[i], err) < 0)
            return -1;
    return 0;
}

static int note_manifest(void *context, const struct digest *digest, int64_t since, struct err *err)
{
    struct reading *reading = context;
    struct retain_manifest *manifest = retain_add_manifest(reading->history);

    (void)err;
    manifest->digest = *digest;
    manifest->since = since;
    *digest_map_put(&reading->numbers, digest) = (uint32_t)reading->history->n_manifests;
    return 0;
}

static int read_manifest(struct reading *reading, uint32_t number, struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct retain_run *run = reading->run;
    struct retain_manifest *manifest = &reading->history->manifests[number];
    const struct reference reference = {.is_digest = true, .digest = manifest->digest};
    struct err failure;

    if (pull_read(reading->registry, reading->name, &reference, &pulled, &failure) < 0) {
        int there =
            repo_has_revision(reading->registry->store, reading->name, &manifest->digest, err);
        if (there <= 0) /* removed right now */
            return there;
        if (failure.code != ERR_MANIFEST_UNKNOWN) {
            return err_copy(err, &failure);
        }
        return err_set(err, ERR_IO,
                       "the manifest %s is missing or none: push it again or remove it",
                       manifest->digest.s);
    }
    for (size_t i = 0; i < pulled.manifest.n_references; i++) {
        const struct descriptor *child = &pulled.manifest.references[i];
        uint32_t owned = number_of(reading, &child->digest);
        if (child->role == DESCRIPTOR_CHILD && owned != RETAIN_NONE)
            retain_add_edge(reading->history, number, owned);
    }
    if (pulled.manifest.has_subject) {
        uint32_t subject = number_of(reading, &pulled.manifest.subject);
        if (subject != RETAIN_NONE)
            retain_add_edge(reading->history, subject, number);
        manifest->is_owned = subject != RETAIN_NONE;
    }
    progress_at(run->progress, "reading manifests", ++run->n_read, -1);
    return 1;
}

static int read_manifests(struct reading *reading, struct err *err)
{
    int read = 1;

    if (repo_each_manifest(reading->registry->store, reading->name, note_manifest, reading, err) <
        0)
        return -1;
    for (size_t i = 0; read > 0 && i < reading->history->n_manifests; i++)
        read = read_manifest(reading, (uint32_t)i, err);
    return read;
}

static void find_subject(const struct reading *reading, struct retain_tag *tag)
{
    const struct retain_history *history = reading->history;
    struct attached attached;
    struct digest digest;

    tag->is_signature =
        attached_parse(&attached, tag->name) && !attached_is_of(&attached, &tag->digest);
    if (!tag->is_signature)
        return;
    if (digest_from_hex(&digest, attached.algorithm, attached.hex, NULL) == 0) {
        tag->subject = number_of(reading, &digest);
        return;
    }
    for (size_t i = 0; i < history->n_manifests; i++) /* only the beginning is known */
        if (attached_is_of(&attached, &history->manifests[i].digest))
            tag->subject = (uint32_t)i;
}

/* 0: it was moved since it was read. */
static int find_manifest(const struct reading *reading, struct retain_tag *tag, struct err *err)
{
    const struct registry *registry = reading->registry;
    const struct tag name = retain_tag_name(tag);
    struct digest current;

    tag->manifest = number_of(reading, &tag->digest);
    if (tag->manifest != RETAIN_NONE)
        return 1;
    int found = tag_get(registry->store, reading->name, &name, &current, err);
    if (found <= 0 || !digest_equal(&current, &tag->digest))
        return found < 0 ? -1 : 0;
    found = repo_has_revision(registry->store, reading->name, &current, err);
    if (found)
        return found < 0 ? -1 : 0;
    return err_set(err, ERR_IO,
                   "the tag %s points at what is not there: push it again or delete it", tag->name);
}

/* Tags first: what they point at was there before them. */
static int read_all(struct reading *reading, struct err *err)
{
    struct retain_history *history = reading->history;
    int read = 1;

    history->now = now();
    history->untagged = reading->run->untagged;
    if (read_pulls(reading, err) < 0 || read_tags(reading, err) < 0)
        return -1;
    read = read_manifests(reading, err);
    for (size_t i = 0; read > 0 && i < history->n_tags; i++) {
        find_subject(reading, &history->tags[i]);
        read = find_manifest(reading, &history->tags[i], err);
    }
    return read;
}

int retain_read(const struct registry *registry, struct retain_run *run, const struct name *name,
                struct retain_history *history, struct err *err)
{
    struct reading reading = {.registry = registry, .run = run, .name = name, .history = history};

    int read = read_all(&reading, err);
    digest_map_free(&reading.numbers);
    return read;
}
