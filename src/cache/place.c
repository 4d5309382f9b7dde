/* SPDX-License-Identifier: Apache-2.0
 * L3: paths of the cache. Owns _berth/fetch. */
#include "cache/place.h"

#include "oci/digester.h"
#include "store/layout.h"

#include <stdio.h>
#include <string.h>

static const char *of_digest(struct place *place, const struct digest *digest, const char *end)
{
    const char *hex = digest_hex(digest);

    snprintf(place->s, sizeof place->s, LAYOUT_FETCH "/%s/%.2s/%s%s",
             digest_algorithm_name(digest->algorithm), hex, hex, end);
    return place->s;
}

const char *place_data(struct place *place, const struct digest *digest)
{
    return of_digest(place, digest, "");
}

const char *place_head(struct place *place, const struct digest *digest)
{
    return of_digest(place, digest, ".head");
}

const char *place_bad(struct place *place, const struct digest *digest)
{
    return of_digest(place, digest, ".bad");
}

const char *place_self(struct place *place)
{
    snprintf(place->s, sizeof place->s, LAYOUT_FETCH "/self");
    return place->s;
}

/* As it is called, where that can be the name of a directory; it may be any text. */
static void add_title(char *out, size_t size, const char *title)
{
    struct digest digest;

    if (strlen(title) < 100 && title[0] != '.' &&
        !title[strspn(title, "abcdefghijklmnopqrstuvwxyz0123456789.-")]) {
        snprintf(out, size, "%s", title);
        return;
    }
    digester_of(&digest, DIGEST_SHA256, title, strlen(title));
    snprintf(out, size, "%s", digest_hex(&digest));
}

const char *place_upstream(struct place *place, const struct upstream *upstream, const char *file)
{
    char title[DIGEST_HEX_MAX + 1];

    add_title(title, sizeof title, upstream->title);
    snprintf(place->s, sizeof place->s, LAYOUT_FETCH "/upstream/%s%s%s", title, file ? "/" : "",
             file ? file : "");
    return place->s;
}

const char *place_mark(struct place *place, const struct upstream *upstream, const char *kind,
                       const char *key)
{
    struct digest digest;
    char file[DIGEST_HEX_MAX + 32];

    digester_of(&digest, DIGEST_SHA256, key, strlen(key));
    snprintf(file, sizeof file, "%s/%.2s/%s", kind, digest_hex(&digest), digest_hex(&digest));
    return place_upstream(place, upstream, file);
}

const char *place_locks(struct place *place, const char *name)
{
    snprintf(place->s, sizeof place->s, LAYOUT_FETCH "/%s", name);
    return place->s;
}
