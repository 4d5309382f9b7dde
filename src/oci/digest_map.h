/* SPDX-License-Identifier: Apache-2.0
 *
 * A map from digests to numbers that fits millions of them into memory: 25 to 50 bytes for each. It
 * knows them by their keys, so digest_key.h says where it is of use.
 */
#ifndef BERTH_OCI_DIGEST_MAP_H
#define BERTH_OCI_DIGEST_MAP_H

#include "oci/digest_key.h"

#include <stdint.h>

#define DIGEST_MAP_SHARDS 256 /* each grows alone, so that growing never doubles the whole */

struct digest_map {
    struct digest_map_shard *shards; /* NULL: empty */
    size_t n;                        /* digests in it */
};
#define AUTO_DIGEST_MAP __attribute__((cleanup(digest_map_free))) struct digest_map

/* The digest's number, 0 if it is new to the map. Valid until the next put. */
uint32_t *digest_map_put(struct digest_map *map, const struct digest *digest);
/* NULL: it is not in the map. */
uint32_t *digest_map_get(const struct digest_map *map, const struct digest *digest);
/* The same by key. */
uint32_t *digest_map_put_key(struct digest_map *map, const struct digest_key *key);
uint32_t *digest_map_get_key(const struct digest_map *map, const struct digest_key *key);
/* Puts all that is in `from`, without its numbers. */
void digest_map_add(struct digest_map *map, const struct digest_map *from);
void digest_map_free(struct digest_map *map);

#endif
