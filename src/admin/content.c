/* SPDX-License-Identifier: Apache-2.0
 * L5: which tags point at a manifest, and how large it is with all that it refers to. */
#include "admin/content.h"

#include "base/arena.h"
#include "base/json.h"
#include "registry/list.h"

#include <search.h>
#include <string.h>

int content_tags(const struct store *store, const struct name *name, const struct digest *digest,
                 struct fs_names *tags, struct err *err)
{
    AUTO_NAMES all = {0};
    bool more;

    if (list_tags(store, name, (struct page){.n = INT64_MAX}, &all, &more, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++) {
        struct reference tag;
        struct digest current;
        struct err damaged;
        if (reference_parse(&tag, all.v[i], strlen(all.v[i]), &damaged) == 0 &&
            pull_resolve(store, name, &tag, &current, &damaged) > 0 &&
            digest_equal(&current, digest))
            fs_names_add(tags, all.v[i]);
    }
    return 0;
}

/* What was counted, as a tsearch(3) tree whose keys belong to the arena. */
struct count {
    const struct store *store;
    const struct name *name;
    struct arena arena;
    void *seen;
    int64_t size;
    struct children {
        struct digest digest;
        struct children *next;
    } * children; /* manifests whose references are still to be counted */
};

static int compare_digests(const void *a, const void *b)
{
    return strcmp(((const struct digest *)a)->s, ((const struct digest *)b)->s);
}

static void keep(void *digest)
{
    (void)digest; /* the arena's */
}

static void count_reference(struct count *count, const struct descriptor *reference)
{
    if (tfind(&reference->digest, &count->seen, compare_digests))
        return;
    struct children *child = arena_alloc(&count->arena, sizeof *child);
    child->digest = reference->digest;
    tsearch(&child->digest, &count->seen, compare_digests);
    if (__builtin_add_overflow(count->size, reference->size, &count->size))
        count->size = INT64_MAX; /* a manifest may claim any size */
    if (reference->role == DESCRIPTOR_CHILD) {
        child->next = count->children;
        count->children = child;
    }
}

static void count_references(struct count *count, const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->n_references; i++)
        count_reference(count, &manifest->references[i]);
}

static int count_child(struct count *count, const struct digest *digest, struct err *err)
{
    struct reference reference = {.is_digest = true, .digest = *digest};
    AUTO_PULLED child = {0};
    struct err failure;

    if (pull_manifest(count->store, count->name, &reference, &child, &failure) == 0) {
        count_references(count, &child.manifest);
        return 0;
    }
    if (failure.code == ERR_MANIFEST_UNKNOWN)
        return 0;
    *err = failure;
    return -1;
}

int content_size(const struct store *store, const struct name *name,
                 const struct pulled_manifest *pulled, int64_t *size, struct err *err)
{
    struct count count = {.store = store, .name = name, .size = (int64_t)pulled->bytes.len};
    int result = 0;

    count_references(&count, &pulled->manifest);
    while (result == 0 && count.children) {
        const struct digest *digest = &count.children->digest;
        count.children = count.children->next;
        result = count_child(&count, digest, err);
    }
    tdestroy(count.seen, keep);
    arena_free(&count.arena);
    *size = count.size;
    return result;
}

void content_print_names(const char *key, const struct fs_names *names, struct buf *json)
{
    buf_addf(json, "\"%s\":[", key);
    for (size_t i = 0; i < names->n; i++) {
        buf_addstr(json, i ? "," : "");
        json_quote(names->v[i], json);
    }
    buf_addc(json, ']');
}
