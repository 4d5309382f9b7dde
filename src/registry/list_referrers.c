/* SPDX-License-Identifier: Apache-2.0
 * L3: the referrers of a manifest, from berth's index and from fallback tags ("Referrers Tag
 * Schema"). */
#include "registry/list.h"

#include "base/array.h"
#include "base/json.h"
#include "index/types.h"
#include "oci/attached.h"
#include "registry/pull.h"
#include "store/referrer.h"
#include "store/repo.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES_MAX ((size_t)4 << 20)

/* What is looked at for one page, whether it is printed or not: bytes of manifests and descriptors,
 * and for each look as much as it may cost. Then the page ends, and the next one goes on there. */
#define EXAMINED_MAX ((int64_t)32 << 20)
#define LOOK_BYTES 4096
#define PASS_BYTES 64 /* of which it is known that it is of another type */

struct referrer {
    struct digest digest;
    bool indexed; /* in berth's index; else it is in the fallback tag */
};

struct referrers {
    struct referrer *v;
    size_t n;
};

static void add(struct referrers *list, const struct digest *digest, bool indexed)
{
    *ARRAY_ADD(list->v, list->n) = (struct referrer){*digest, indexed};
}

/* By digest, berth's own entry before the fallback's. */
static int compare(const void *a, const void *b)
{
    const struct referrer *left = a, *right = b;
    int order = strcmp(left->digest.s, right->digest.s);

    return order ? order : (int)right->indexed - (int)left->indexed;
}

/* The next n behind `after`; *last is the last of them. */
static int add_indexed(const struct registry *registry, const struct name *name,
                       const struct digest *subject, const char *after, size_t n,
                       struct referrers *list, struct digest *last, bool *more, struct err *err)
{
    AUTO_STRINGS digests = {0};

    if (referrer_page(registry->store, name, subject, after, n, &digests, more, err) < 0)
        return -1;
    for (size_t i = 0; i < digests.n; i++) {
        if (digest_parse(last, digests.v[i], strlen(digests.v[i]), err) < 0)
            return -1;
        add(list, last, true);
    }
    return 0;
}

/* Passes an error on, unless it is only that there is no such manifest, or none that can be read.
 */
static int unless_unknown(const struct err *failure, struct err *err)
{
    if (failure->code == ERR_MANIFEST_UNKNOWN || failure->code == ERR_MANIFEST_TOO_LARGE)
        return 0;
    return err_copy(err, failure);
}

/* The index that a client keeps for a registry without a referrers list. Whatever else the tag is,
 * is no such index. */
static int add_fallback(const struct registry *registry, const struct name *name,
                        const struct digest *subject, struct referrers *list, struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct reference reference = {.is_digest = false};
    struct digest digest;
    struct err failure;

    if (!attached_tag(&reference.tag, subject, ATTACHED_REFERRERS))
        return 0;
    int found = pull_resolve(registry, name, &reference, &digest, err);
    if (found <= 0)
        return found;
    if (pull_read(registry, name, &reference, &pulled, &failure) < 0)
        return unless_unknown(&failure, err);
    for (size_t i = 0; pulled.manifest.is_index && i < pulled.manifest.n_references; i++)
        add(list, &pulled.manifest.references[i].digest, false);
    return 0;
}

/* What the list says of a manifest, from the manifest itself. 0: it is not of this subject. */
static int describe(const struct registry *registry, const struct name *name,
                    const struct digest *subject, const struct digest *digest,
                    struct buf *descriptor, int64_t *examined, struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct reference reference = {.is_digest = true, .digest = *digest};
    struct err failure;

    if (pull_read(registry, name, &reference, &pulled, &failure) < 0)
        return unless_unknown(&failure, err);
    *examined += pulled.size;
    if (!pulled.manifest.has_subject || !digest_equal(&pulled.manifest.subject, subject))
        return 0;
    manifest_describe(&pulled.manifest, digest, pulled.size, descriptor);
    return 1;
}

/* type NULL: any. *sound: it is the descriptor of that manifest at all. */
static bool has_artifact_type(const struct buf *descriptor, const struct digest *digest,
                              const char *type, bool *sound)
{
    struct json *json = json_parse(descriptor->s, descriptor->len, MANIFEST_DEPTH_MAX, NULL);
    const char *named = json_text(json_get(json, "digest"));
    const char *actual = type ? json_text(json_get(json, "artifactType")) : NULL;
    bool same = !type || (actual && !strcmp(actual, type));

    *sound = named && !strcmp(named, digest->s);
    json_free(json);
    return same;
}

/* 0: it is not of the type, or not there: Distribution's collector may have taken the manifest and
 * left the entry. What an entry of another type stands for need not be looked at. */
static int read_descriptor(const struct registry *registry, const struct name *name,
                           const struct digest *subject, const struct referrer *referrer,
                           const char *type, struct buf *descriptor, int64_t *examined,
                           struct err *err)
{
    int found = 0;
    bool sound = false;

    *examined += LOOK_BYTES;
    if (referrer->indexed)
        found = referrer_read(registry->store, name, subject, &referrer->digest, descriptor, err);
    *examined += (int64_t)descriptor->len;
    if (found < 0 ||
        (found > 0 && !has_artifact_type(descriptor, &referrer->digest, type, &sound) && sound))
        return found < 0 ? -1 : 0;
    found = repo_has_revision(registry->store, name, &referrer->digest, err);
    if (found <= 0 || sound)
        return found;
    buf_clear(descriptor); /* damaged */
    found = describe(registry, name, subject, &referrer->digest, descriptor, examined, err);
    return found > 0 ? has_artifact_type(descriptor, &referrer->digest, type, &sound) : found;
}

/* What was printed of a page so far, and looked at for it. */
struct printing {
    const struct registry *registry;
    const struct name *name;
    const struct digest *subject;
    const char *artifact_type; /* NULL: any */
    const struct types *types; /* where there is one */
    int64_t n;                 /* at most */
    struct json_writer *json;
    size_t from; /* where the text of the list begins */
    int64_t printed, examined;
    struct digest *last;
};

/* 1: the page is full, and there is more. */
static int print_one(struct printing *page, const struct referrer *referrer, struct err *err)
{
    AUTO_BUF descriptor = BUF_INIT;

    if (page->examined >= EXAMINED_MAX)
        return 1;
    if (referrer->indexed && types_differ(page->types, &referrer->digest)) {
        page->examined += PASS_BYTES;
        *page->last = referrer->digest;
        return 0;
    }
    int found = read_descriptor(page->registry, page->name, page->subject, referrer,
                                page->artifact_type, &descriptor, &page->examined, err);
    if (found < 0)
        return -1;
    if (found) {
        if (page->printed == page->n ||
            (page->printed > 0 &&
             page->json->out->len - page->from + descriptor.len > PAGE_BYTES_MAX))
            return 1;
        page->printed++;
        json_writer_raw(page->json, NULL, descriptor.s, descriptor.len);
    }
    *page->last = referrer->digest;
    return 0;
}

static int print_all(struct printing *page, const struct referrers *list, struct err *err)
{
    int full = 0;

    for (size_t i = 0; i < list->n && full == 0; i++)
        if (i == 0 || !digest_equal(&list->v[i].digest, &list->v[i - 1].digest))
            full = print_one(page, &list->v[i], err);
    return full;
}

static bool is_between(const struct digest *digest, const char *after, const struct digest *until)
{
    return (!after || strcmp(digest->s, after) > 0) && (!until || strcmp(digest->s, until->s) <= 0);
}

/* The next n of the index behind `after`, up to *until, with what lies between them in the fallback
 * list. */
static int print_some(struct printing *page, const struct referrers *fallback, const char *after,
                      size_t n, struct digest *until, bool *more, struct err *err)
{
    struct referrers list = {0};

    int full =
        add_indexed(page->registry, page->name, page->subject, after, n, &list, until, more, err);
    for (size_t i = 0; full == 0 && i < fallback->n; i++)
        if (is_between(&fallback->v[i].digest, after, *more ? until : NULL))
            add(&list, &fallback->v[i].digest, false);
    if (full == 0 && list.n)
        qsort(list.v, list.n, sizeof *list.v, compare);
    if (full == 0)
        full = print_all(page, &list, err);
    free(list.v);
    return full;
}

/* Entries may count for nothing, or not be of the type: more of them are read each time. */
int list_referrers(const struct registry *registry, const struct name *name,
                   const struct digest *subject, const char *artifact_type, struct page page,
                   struct json_writer *json, struct digest *last, bool *more, struct err *err)
{
    AUTO_TYPES types = {0};
    struct printing printing = {.registry = registry,
                                .name = name,
                                .subject = subject,
                                .artifact_type = artifact_type,
                                .types = &types,
                                .n = page.n,
                                .json = json,
                                .from = json->out->len,
                                .last = last};
    struct referrers fallback = {0};
    struct digest until;
    const char *after = page.last;
    bool others = true;

    if (artifact_type)
        types_load(registry->store, subject, artifact_type, &types);
    int full = add_fallback(registry, name, subject, &fallback, err);
    for (size_t n = (size_t)page.n + 1; full == 0 && others; n *= 2) {
        struct digest next;
        full = print_some(&printing, &fallback, after, n, &next, &others, err);
        until = next;
        after = until.s;
    }
    free(fallback.v);
    *more = full > 0;
    return full < 0 ? -1 : 0;
}

int list_referrers_each(const struct registry *registry, const struct name *name,
                        const struct digest *subject, json_each_fn *visit, void *context,
                        struct err *err)
{
    struct page page = {NULL, INT64_MAX};
    struct digest last;
    bool more = true;

    while (more) {
        AUTO_BUF text = BUF_INIT;
        struct json_writer json = json_writer_begin(&text);
        json_writer_object(&json, NULL);
        json_writer_array(&json, "manifests");
        if (list_referrers(registry, name, subject, NULL, page, &json, &last, &more, err) < 0)
            return -1;
        json_writer_end(&json);
        json_writer_end(&json);
        struct json *rest =
            json_each(text.s, text.len, MANIFEST_DEPTH_MAX + 2, "manifests", visit, context, err);
        if (!rest)
            return -1;
        json_free(rest);
        page.last = last.s;
    }
    return 0;
}
