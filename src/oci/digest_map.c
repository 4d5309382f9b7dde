/* SPDX-License-Identifier: Apache-2.0
 * L1: maps from digests to numbers: open addressing, in shards. */
#include "oci/digest_map.h"

#include "base/codec.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 16
#define SLOTS_MIN 8

struct slot {
    unsigned char key[KEY_SIZE]; /* all zero: unused */
    uint32_t value;
};

struct digest_map_shard {
    struct slot *slots;
    uint32_t n, size; /* size is a power of two, or 0 */
};

/* A digest's bytes are random already, so they serve as its hash. The first byte chooses the shard.
 */
static void key_of(unsigned char key[KEY_SIZE], const struct digest *digest)
{
    static const unsigned char unused[KEY_SIZE];

    hex_decode(key, digest_hex(digest), KEY_SIZE);
    if (!memcmp(key, unused, KEY_SIZE))
        key[KEY_SIZE - 1] = 1;
}

static bool is_used(const struct slot *slot)
{
    static const unsigned char unused[KEY_SIZE];

    return memcmp(slot->key, unused, KEY_SIZE) != 0;
}

static struct slot *find(const struct digest_map_shard *shard, const unsigned char *key)
{
    uint32_t at;

    memcpy(&at, key + 1, sizeof at);
    for (;; at++) {
        struct slot *slot = &shard->slots[at & (shard->size - 1)];
        if (!is_used(slot) || !memcmp(slot->key, key, KEY_SIZE))
            return slot;
    }
}

static void grow(struct digest_map_shard *shard)
{
    struct digest_map_shard bigger = {.n = shard->n,
                                      .size = shard->size ? 2 * shard->size : SLOTS_MIN};

    bigger.slots = mem_alloc(bigger.size * sizeof *bigger.slots);
    for (uint32_t i = 0; i < shard->size; i++)
        if (is_used(&shard->slots[i]))
            *find(&bigger, shard->slots[i].key) = shard->slots[i];
    free(shard->slots);
    *shard = bigger;
}

uint32_t *digest_map_put(struct digest_map *map, const struct digest *digest)
{
    unsigned char key[KEY_SIZE];

    key_of(key, digest);
    if (!map->shards)
        map->shards = mem_alloc(DIGEST_MAP_SHARDS * sizeof *map->shards);
    struct digest_map_shard *shard = &map->shards[key[0]];
    if (5 * (uint64_t)shard->n >= 4 * (uint64_t)shard->size)
        grow(shard);
    struct slot *slot = find(shard, key);
    if (!is_used(slot)) {
        memcpy(slot->key, key, KEY_SIZE);
        shard->n++;
        map->n++;
    }
    return &slot->value;
}

uint32_t *digest_map_get(const struct digest_map *map, const struct digest *digest)
{
    unsigned char key[KEY_SIZE];

    key_of(key, digest);
    if (!map->shards || map->shards[key[0]].size == 0)
        return NULL;
    struct slot *slot = find(&map->shards[key[0]], key);
    return is_used(slot) ? &slot->value : NULL;
}

void digest_map_free(struct digest_map *map)
{
    for (int i = 0; map->shards && i < DIGEST_MAP_SHARDS; i++)
        free(map->shards[i].slots);
    free(map->shards);
    *map = (struct digest_map){0};
}
