/* SPDX-License-Identifier: Apache-2.0
 * L4: export: tags in which clients keep what refers to a manifest. */
#include "transfer/export_referrer_tag.h"

#include <stdio.h>
#include <string.h>

static const char *const ends[EXPORT_REFERRER_TAGS] = {"", ".sig", ".att", ".sbom"};

bool export_referrer_tag_is(const char *tag)
{
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        const char *name = digest_algorithm_name((enum digest_algorithm)i);
        size_t len = strlen(name);
        if (strncmp(tag, name, len) != 0 || tag[len] != '-' ||
            strspn(tag + len + 1, "0123456789abcdef") != 64)
            continue;
        for (size_t k = 0; k < EXPORT_REFERRER_TAGS; k++)
            if (!strcmp(tag + len + 1 + 64, ends[k]))
                return true;
    }
    return false;
}

void export_referrer_tag_of(const struct digest *digest, int i, struct tag *tag)
{
    snprintf(tag->s, sizeof tag->s, "%s-%.64s%s", digest_algorithm_name(digest->algorithm),
             digest_hex(digest), ends[i]);
}
