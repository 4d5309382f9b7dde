/* SPDX-License-Identifier: Apache-2.0
 * L3: the referrers of a manifest, from berth's index and from fallback tags ("Referrers Tag
 * Schema"). */
#include "registry/list.h"

#include "base/array.h"
#include "base/json.h"
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

static int add_indexed(const struct registry *registry, const struct name *name,
                       const struct digest *subject, struct referrers *list, struct err *err)
{
    AUTO_STRINGS digests = {0};

    if (referrer_list(registry->store, name, subject, &digests, err) < 0)
        return -1;
    for (size_t i = 0; i < digests.n; i++) {
        struct digest digest;
        if (digest_parse(&digest, digests.v[i], strlen(digests.v[i]), err) < 0)
            return -1;
        add(list, &digest, true);
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

static bool is_json(const struct buf *text)
{
    struct json *json = json_parse(text->s, text->len, MANIFEST_DEPTH_MAX, NULL);

    json_free(json);
    return json != NULL;
}

static int read_descriptor(const struct registry *registry, const struct name *name,
                           const struct digest *subject, const struct referrer *referrer,
                           struct buf *descriptor, int64_t *examined, struct err *err)
{
    *examined += LOOK_BYTES;
    /* Distribution's collector may have taken the manifest and left the entry. */
    int found = repo_has_revision(registry->store, name, &referrer->digest, err);
    if (found <= 0)
        return found;
    if (referrer->indexed) {
        found = referrer_read(registry->store, name, subject, &referrer->digest, descriptor, err);
        *examined += (int64_t)descriptor->len;
        if (found < 0 || (found > 0 && is_json(descriptor)))
            return found;
        buf_clear(descriptor); /* damaged */
    }
    return describe(registry, name, subject, &referrer->digest, descriptor, examined, err);
}

static bool has_artifact_type(const struct buf *descriptor, const char *artifact_type)
{
    struct json *json = json_parse(descriptor->s, descriptor->len, MANIFEST_DEPTH_MAX, NULL);
    const char *actual = json_text(json_get(json, "artifactType"));
    bool same = actual && !strcmp(actual, artifact_type);

    json_free(json);
    return same;
}

static int print_page(const struct registry *registry, const struct name *name,
                      const struct digest *subject, const char *artifact_type, struct page page,
                      const struct referrers *list, struct json_writer *json, struct digest *last,
                      bool *more, struct err *err)
{
    const size_t from = json->out->len;
    int64_t printed = 0, examined = 0;

    *more = false;
    for (size_t i = 0; i < list->n; i++) {
        AUTO_BUF descriptor = BUF_INIT;
        const struct referrer *referrer = &list->v[i];
        if ((i > 0 && digest_equal(&referrer->digest, &list->v[i - 1].digest)) ||
            (page.last && strcmp(referrer->digest.s, page.last) <= 0))
            continue;
        if (examined >= EXAMINED_MAX) {
            *more = true;
            return 0;
        }
        int found = read_descriptor(registry, name, subject, referrer, &descriptor, &examined, err);
        if (found < 0)
            return -1;
        if (!found || (artifact_type && !has_artifact_type(&descriptor, artifact_type))) {
            *last = referrer->digest;
            continue;
        }
        if (printed == page.n ||
            (printed > 0 && json->out->len - from + descriptor.len > PAGE_BYTES_MAX)) {
            *more = true;
            return 0;
        }
        printed++;
        json_writer_raw(json, NULL, descriptor.s, descriptor.len);
        *last = referrer->digest;
    }
    return 0;
}

int list_referrers(const struct registry *registry, const struct name *name,
                   const struct digest *subject, const char *artifact_type, struct page page,
                   struct json_writer *json, struct digest *last, bool *more, struct err *err)
{
    struct referrers list = {0};
    int result = -1;

    if (add_indexed(registry, name, subject, &list, err) == 0 &&
        add_fallback(registry, name, subject, &list, err) == 0) {
        if (list.n)
            qsort(list.v, list.n, sizeof *list.v, compare);
        result =
            print_page(registry, name, subject, artifact_type, page, &list, json, last, more, err);
    }
    free(list.v);
    return result;
}
