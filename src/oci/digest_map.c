/* SPDX-License-Identifier: Apache-2.0
 * L1: maps from digests to numbers: open addressing, in shards. */
#include "oci/digest_map.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 8

struct slot {
    struct digest_key key; /* all zero: unused */
    uint32_t value;
};

struct digest_map_shard {
    struct slot *slots;
    uint32_t n, size; /* size is a power of two, or 0 */
};

static bool is_zero(const struct digest_key *key)
{
    static const struct digest_key zero;

    return !memcmp(key, &zero, sizeof zero);
}

/* A digest's bytes are random already, so they serve as its hash. The first one chooses the shard.
 */
static struct slot *find(const struct digest_map_shard *shard, const struct digest_key *key)
{
    uint32_t at;

    memcpy(&at, key->b + 1, sizeof at);
    for (;; at++) {
        struct slot *slot = &shard->slots[at & (shard->size - 1)];
        if (is_zero(&slot->key) || !memcmp(&slot->key, key, sizeof *key))
            return slot;
    }
}

static void grow(struct digest_map_shard *shard)
{
    struct digest_map_shard bigger = {.n = shard->n,
                                      .size = shard->size ? 2 * shard->size : SLOTS_MIN};

    bigger.slots = mem_alloc(bigger.size * sizeof *bigger.slots);
    for (uint32_t i = 0; i < shard->size; i++)
        if (!is_zero(&shard->slots[i].key))
            *find(&bigger, &shard->slots[i].key) = shard->slots[i];
    free(shard->slots);
    *shard = bigger;
}

uint32_t *digest_map_put_key(struct digest_map *map, const struct digest_key *key)
{
    if (!map->shards)
        map->shards = mem_alloc(DIGEST_MAP_SHARDS * sizeof *map->shards);
    struct digest_map_shard *shard = &map->shards[key->b[0]];
    if (5 * (uint64_t)shard->n >= 4 * (uint64_t)shard->size)
        grow(shard);
    struct slot *slot = find(shard, key);
    if (is_zero(&slot->key)) {
        slot->key = *key;
        shard->n++;
        map->n++;
    }
    return &slot->value;
}

uint32_t *digest_map_put(struct digest_map *map, const struct digest *digest)
{
    struct digest_key key;

    digest_key_of(&key, digest);
    return digest_map_put_key(map, &key);
}

uint32_t *digest_map_get_key(const struct digest_map *map, const struct digest_key *key)
{
    if (!map->shards || map->shards[key->b[0]].size == 0)
        return NULL;
    struct slot *slot = find(&map->shards[key->b[0]], key);
    return is_zero(&slot->key) ? NULL : &slot->value;
}

uint32_t *digest_map_get(const struct digest_map *map, const struct digest *digest)
{
    struct digest_key key;

    digest_key_of(&key, digest);
    return digest_map_get_key(map, &key);
}

void digest_map_add(struct digest_map *map, const struct digest_map *from)
{
    for (int i = 0; from->shards && i < DIGEST_MAP_SHARDS; i++)
        for (uint32_t k = 0; k < from->shards[i].size; k++)
            if (!is_zero(&from->shards[i].slots[k].key))
                digest_map_put_key(map, &from->shards[i].slots[k].key);
}

void digest_map_free(struct digest_map *map)
{
    for (int i = 0; map->shards && i < DIGEST_MAP_SHARDS; i++)
        free(map->shards[i].slots);
    free(map->shards);
    *map = (struct digest_map){0};
}
