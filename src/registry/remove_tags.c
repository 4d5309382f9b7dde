/* SPDX-License-Identifier: Apache-2.0
 * L3: removing the tags of a manifest. */
#include "registry/remove_tags.h"

#include "base/clock.h"
#include "store/lock.h"
#include "store/tag.h"
#include "store/trash.h"

#include <string.h>

/* Who waits for the locks waits no longer than this and one tag more. */
#define HOLD_MS 10

int remove_tags_check(const struct registry *registry, const struct name *name,
                      const struct tag *tag, struct err *err)
{
    const struct registry_rules *rules = &registry->rules;

    if (!rules->may_move || rules->may_move(rules->context, name, tag))
        return 0;
    return err_set(err, ERR_DENIED, "the tag %s is immutable", tag->s);
}

static void tell(const struct registry *registry, const struct name *name, const struct tag *tag,
                 const struct digest *digest)
{
    registry_tell(registry, (struct event){.what = EVENT_TAG_DELETED,
                                           .repository = name,
                                           .tag = tag,
                                           .digest = digest,
                                           .size = -1});
}

int remove_tags_taken(const struct registry *registry, const struct name *name,
                      const struct tag *tag, const struct digest *digest, struct strings *trash,
                      struct dirty *dirty, struct err *err)
{
    if (dirty_sync(&registry->store->fs, dirty, err) < 0)
        return -1;
    tell(registry, name, tag, digest);
    return trash_empty(registry->store, trash, err);
}

/* Tags that are taken away one batch after the other. */
struct taking {
    const struct registry *registry;
    const struct name *name;
    const struct digest *digest;
    const struct names *tags;
    size_t next; /* of them */
};

struct batch {
    struct strings taken;
    struct strings trash;
    struct dirty dirty;
};

/* It may have moved on, or gone, which is to be durable as well. */
static int take_next(struct taking *taking, struct batch *batch, struct err *err)
{
    const struct store *store = taking->registry->store;
    const char *text = names_get(taking->tags, taking->next++);
    struct tag tag;

    if (tag_parse(&tag, text, strlen(text), err) < 0)
        return -1;
    int found = tag_points_at(store, taking->name, &tag, taking->digest, err);
    if (found < 0)
        return -1;
    if (found > 0) {
        found = tag_take(store, taking->name, &tag, &batch->trash, &batch->dirty, err);
        if (found > 0)
            strings_add(&batch->taken, text);
        if (found)
            return found < 0 ? -1 : 0;
    }
    return tag_settle(store, taking->name, &tag, &batch->dirty, err) < 0 ? -1 : 0;
}

static int take_some(struct taking *taking, struct batch *batch, struct err *err)
{
    const struct store *store = taking->registry->store;
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    int result = 0;

    if (lock_gc(store, FS_LOCK_SHARED, &gc, err) < 0 ||
        lock_repo(store, taking->name, &repo, err) < 0)
        return -1;
    int64_t until = clock_ms() + HOLD_MS;
    do
        result = take_next(taking, batch, err);
    while (result == 0 && taking->next < taking->tags->n && clock_ms() < until);
    return result;
}

static int finish(const struct taking *taking, struct batch *batch, struct strings *removed,
                  struct err *err)
{
    if (dirty_sync(&taking->registry->store->fs, &batch->dirty, err) < 0)
        return -1;
    for (size_t i = 0; i < batch->taken.n; i++) {
        const char *text = batch->taken.v[i];
        struct tag tag;
        if (tag_parse(&tag, text, strlen(text), NULL) < 0)
            continue;
        tell(taking->registry, taking->name, &tag, taking->digest);
        if (removed)
            strings_add(removed, tag.s);
    }
    return trash_empty(taking->registry->store, &batch->trash, err);
}

/* Those that are taken are told also where another could not be. */
static int remove_some(struct taking *taking, struct strings *removed, struct err *err)
{
    struct batch batch = {.taken = {.n = 0}};

    int result = take_some(taking, &batch, err);
    if (finish(taking, &batch, removed, result < 0 ? NULL : err) < 0)
        result = -1;
    strings_free(&batch.taken);
    strings_free(&batch.trash);
    dirty_free(&batch.dirty);
    return result;
}

int remove_tags_of(const struct registry *registry, const struct name *name,
                   const struct digest *digest, struct strings *removed, struct err *err)
{
    AUTO_NAMES tags = {0};
    AUTO_DIRTY dirty = {0};
    struct taking taking = {registry, name, digest, &tags, 0};
    struct tag tag;

    if (tag_list_of(registry->store, name, digest, &tags, &dirty, err) < 0)
        return -1;
    for (size_t i = 0; i < tags.n; i++)
        if (tag_parse(&tag, names_get(&tags, i), strlen(names_get(&tags, i)), err) < 0 ||
            remove_tags_check(registry, name, &tag, err) < 0)
            return -1;
    if (dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return -1;
    while (taking.next < tags.n)
        if (remove_some(&taking, removed, err) < 0)
            return -1;
    return 0;
}
