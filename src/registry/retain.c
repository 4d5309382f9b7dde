/* SPDX-License-Identifier: Apache-2.0
 * L3: retention: which rule applies, and what it makes of a repository's history. */
#include "registry/retain.h"

#include "base/array.h"
#include "oci/glob.h"

#include <stdlib.h>
#include <string.h>

#define SECOND ((int64_t)1000000000)

/* An index that has its own subject as a child makes a circle; there any order will do. */
#define RANK_PASSES_MAX 64

static const struct settings_key keys[] = {
    SETTINGS_NUMBER(struct retain_section, newest, "newest", NULL, 1, INT64_MAX),
    SETTINGS_LIST(struct retain_section, tags, "tags"),
    SETTINGS_AGE(struct retain_section, younger, "younger", false),
    SETTINGS_AGE(struct retain_section, pulled, "pulled", false),
    SETTINGS_AGE(struct retain_section, untagged, "untagged", true),
    SETTINGS_END,
};

static const struct settings_section sections[] = {
    SETTINGS_SECTION(struct retain_settings, retains, n_retains, struct retain_section, pattern,
                     "retain", keys),
    SETTINGS_SECTIONS_END,
};

static const struct settings_key no_keys[] = {SETTINGS_END};

const struct settings_table retain_table =
    SETTINGS_TABLE(struct retain_settings, no_keys, sections);

const struct retain_section *retain_section(const struct retain_settings *settings,
                                            const struct name *name)
{
    const struct retain_section *best = NULL;

    for (size_t i = 0; i < settings->n_retains; i++) {
        const struct retain_section *section = &settings->retains[i];
        if (glob_matches(section->pattern, name->s) &&
            (!best || glob_compare(section->pattern, best->pattern) < 0))
            best = section;
    }
    return best;
}

int64_t retain_untagged(const struct retain_settings *settings, const struct name *name,
                        int64_t grace)
{
    const struct retain_section *section = retain_section(settings, name);
    int64_t least = grace / 2 + 1; /* times are compared by whole seconds there */

    if (!section || !section->untagged.text)
        return grace;
    if (section->untagged.seconds == SETTINGS_FOREVER)
        return -1;
    return section->untagged.seconds > least ? section->untagged.seconds : least;
}

int retain_check(const struct retain_section *section, struct err *err)
{
    if (!glob_can_match_name(section->pattern))
        return err_set(err, ERR_CONFIG, "%s:%d: retain \"%s\": no repository's name can match this",
                       section->place.file, section->place.line, section->pattern);
    for (size_t i = 0; i < section->tags.n; i++)
        if (!glob_can_match_tag(section->tags.v[i]))
            return err_set(err, ERR_CONFIG, "%s:%d: retain \"%s\": no tag can match \"%s\"",
                           section->place.file, section->place.line, section->pattern,
                           section->tags.v[i]);
    return 0;
}

struct tag retain_tag_name(const struct retain_tag *tag)
{
    struct tag parsed = {""};

    tag_parse(&parsed, tag->name, strlen(tag->name), NULL);
    return parsed;
}

struct retain_tag *retain_add_tag(struct retain_history *history)
{
    struct retain_tag *tag = ARRAY_ADD(history->tags, history->n_tags);

    *tag = (struct retain_tag){.pulled = -1, .subject = RETAIN_NONE};
    return tag;
}

struct retain_manifest *retain_add_manifest(struct retain_history *history)
{
    struct retain_manifest *manifest = ARRAY_ADD(history->manifests, history->n_manifests);

    *manifest = (struct retain_manifest){.owner = RETAIN_NONE};
    return manifest;
}

void retain_add_edge(struct retain_history *history, uint32_t owner, uint32_t owned)
{
    *ARRAY_ADD(history->edges, history->n_edges) = (struct retain_edge){owner, owned};
}

void retain_history_free(struct retain_history *history)
{
    strings_free(&history->names);
    free(history->tags);
    free(history->manifests);
    free(history->edges);
    *history = (struct retain_history){0};
}

int64_t retain_last_use(const struct retain_history *history, const struct retain_tag *tag)
{
    int64_t used = tag->pulled;

    if (used < 0)
        used = history->since < 0 ? history->now : history->since;
    return used > tag->set ? used : tag->set;
}

static bool is_within(const struct retain_history *history, int64_t when,
                      const struct settings_age *age)
{
    return age->text && history->now - when < age->seconds * SECOND;
}

/* The newest first; of those that were set at the same time, the last in byte order. */
static int compare_newest(const void *a, const void *b)
{
    const struct retain_tag *left = *(struct retain_tag *const *)a;
    const struct retain_tag *right = *(struct retain_tag *const *)b;

    if (left->set != right->set)
        return left->set > right->set ? -1 : 1;
    return strcmp(right->name, left->name);
}

static void keep(struct retain_tag *tag, enum retain_reason reason)
{
    if (tag->stays)
        return;
    tag->stays = true;
    tag->reason = reason;
}

/* Signatures are not counted. */
static void keep_newest(const struct retain_section *section, struct retain_history *history)
{
    struct retain_tag **order = mem_alloc(history->n_tags * sizeof *order);
    size_t n = 0;

    for (size_t i = 0; i < history->n_tags; i++)
        if (!history->tags[i].is_signature)
            order[n++] = &history->tags[i];
    if (n)
        qsort(order, n, sizeof(struct retain_tag *), compare_newest);
    for (size_t i = 0; i < n && (int64_t)i < section->newest; i++)
        keep(order[i], RETAIN_NEWEST);
    free(order);
}

static void keep_matching(const struct retain_section *section, struct retain_tag *tag)
{
    for (size_t i = 0; i < section->tags.n && !tag->stays; i++) {
        if (glob_matches(section->tags.v[i], tag->name)) {
            keep(tag, RETAIN_TAGS);
            tag->pattern = section->tags.v[i];
        }
    }
}

static void decide_tags(const struct retain_section *section, struct retain_history *history)
{
    bool no_rules =
        !section->newest && !section->tags.n && !section->younger.text && !section->pulled.text;

    for (size_t i = 0; i < history->n_tags; i++) {
        struct retain_tag *tag = &history->tags[i];
        tag->stays = false;
        tag->reason = RETAIN_NOTHING;
        if (tag->immutable)
            keep(tag, RETAIN_IMMUTABLE);
        else if (tag->is_signature && tag->subject == RETAIN_NONE)
            keep(tag, RETAIN_NO_SUBJECT);
        else if (!tag->is_signature && no_rules)
            keep(tag, RETAIN_NO_RULES);
        else if (!tag->is_signature)
            keep_matching(section, tag);
    }
    keep_newest(section, history);
    for (size_t i = 0; i < history->n_tags; i++) {
        struct retain_tag *tag = &history->tags[i];
        if (tag->is_signature)
            continue;
        if (is_within(history, tag->set, &section->younger))
            keep(tag, RETAIN_YOUNGER);
        else if (is_within(history, retain_last_use(history, tag), &section->pulled))
            keep(tag, RETAIN_PULLED);
    }
}

/* The manifests that were found to stay, and of which it is still to be seen what they own. */
struct marking {
    struct retain_history *history;
    uint32_t *todo;
    size_t n;
};

static bool mark(struct marking *marking, uint32_t number, enum retain_reason reason,
                 uint32_t owner)
{
    struct retain_manifest *manifest = &marking->history->manifests[number];

    if (manifest->stays)
        return false;
    manifest->stays = true;
    manifest->reason = reason;
    manifest->owner = owner;
    marking->todo[marking->n++] = number;
    return true;
}

static int compare_edges(const void *a, const void *b)
{
    const struct retain_edge *left = a, *right = b;

    if (left->owner != right->owner)
        return left->owner < right->owner ? -1 : 1;
    return left->owned < right->owned ? -1 : left->owned > right->owned;
}

/* The first edge of this owner or a later one. */
static size_t first_edge(const struct retain_history *history, uint32_t owner)
{
    size_t low = 0, high = history->n_edges;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->edges[middle].owner < owner)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void mark_owned(struct marking *marking)
{
    const struct retain_history *history = marking->history;

    while (marking->n) {
        uint32_t owner = marking->todo[--marking->n];
        for (size_t i = first_edge(history, owner);
             i < history->n_edges && history->edges[i].owner == owner; i++)
            mark(marking, history->edges[i].owned, RETAIN_BELONGS, owner);
    }
}

static bool is_pending(const struct retain_tag *tag)
{
    return tag->is_signature && !tag->stays;
}

/* A signature stays with its manifest. What loses the tag of a signature stays for now, and may be
 * the manifest of another one. */
static void mark_signatures(struct marking *marking)
{
    struct retain_history *history = marking->history;
    bool more = true;

    while (more) {
        more = false;
        mark_owned(marking);
        for (size_t i = 0; i < history->n_tags; i++) {
            struct retain_tag *tag = &history->tags[i];
            if (!is_pending(tag) || !history->manifests[tag->subject].stays)
                continue;
            keep(tag, RETAIN_SUBJECT);
            mark(marking, tag->manifest, RETAIN_TAGGED, RETAIN_NONE);
            more = true;
        }
        if (more)
            continue;
        for (size_t i = 0; i < history->n_tags; i++)
            if (is_pending(&history->tags[i]) &&
                mark(marking, history->tags[i].manifest, RETAIN_LOST_TAG, RETAIN_NONE))
                more = true;
    }
}

static void mark_tagged(struct marking *marking)
{
    struct retain_history *history = marking->history;

    for (size_t i = 0; i < history->n_tags; i++) {
        history->manifests[history->tags[i].manifest].tagged++;
        if (history->tags[i].stays)
            mark(marking, history->tags[i].manifest, RETAIN_TAGGED, RETAIN_NONE);
    }
    mark_owned(marking);
    for (size_t i = 0; i < history->n_tags; i++)
        if (!history->tags[i].stays && !history->tags[i].is_signature)
            mark(marking, history->tags[i].manifest, RETAIN_LOST_TAG, RETAIN_NONE);
}

static void mark_untagged(struct marking *marking)
{
    const struct retain_history *history = marking->history;

    for (size_t i = 0; i < history->n_manifests; i++) {
        const struct retain_manifest *manifest = &history->manifests[i];
        bool is_young =
            history->untagged < 0 || history->now - manifest->since <= history->untagged * SECOND;
        if (!manifest->tagged && !manifest->is_owned && is_young)
            mark(marking, (uint32_t)i, RETAIN_UNTAGGED, RETAIN_NONE);
    }
}

/* So that a run that is killed leaves no index without its children, and no signature is gone
 * before what it signs. */
static void rank(struct retain_history *history)
{
    struct retain_manifest *manifests = history->manifests;
    bool more = true;

    for (int pass = 0; more && pass < RANK_PASSES_MAX; pass++) {
        more = false;
        for (size_t i = 0; i < history->n_edges; i++) {
            struct retain_manifest *owner = &manifests[history->edges[i].owner];
            struct retain_manifest *owned = &manifests[history->edges[i].owned];
            if (owner->stays || owned->stays || owned->rank > owner->rank)
                continue;
            owned->rank = owner->rank + 1;
            more = true;
            if (owned->is_owned) {
                owned->reason = RETAIN_SUBJECT_GOES;
                owned->owner = history->edges[i].owner;
            }
        }
    }
}

void retain_decide(const struct retain_section *section, struct retain_history *history)
{
    struct marking marking = {.history = history};

    marking.todo = mem_alloc(history->n_manifests * sizeof *marking.todo);
    if (history->n_edges)
        qsort(history->edges, history->n_edges, sizeof *history->edges, compare_edges);
    for (size_t i = 0; i < history->n_manifests; i++) {
        struct retain_manifest *manifest = &history->manifests[i];
        manifest->stays = false;
        manifest->reason = RETAIN_NOTHING;
        manifest->tagged = manifest->rank = 0;
    }
    decide_tags(section, history);
    mark_tagged(&marking);
    mark_untagged(&marking);
    mark_signatures(&marking);
    for (size_t i = 0; i < history->n_tags; i++)
        if (is_pending(&history->tags[i]))
            history->tags[i].reason = RETAIN_SUBJECT_GOES;
    rank(history);
    free(marking.todo);
}
