/* SPDX-License-Identifier: Apache-2.0
 * L1: the grammar of tags. */
#include "oci/tag.h"

#include <stdbool.h>
#include <string.h>

int tag_parse(struct tag *tag, const char *s, size_t len, struct err *err)
{
    bool valid = len > 0 && len <= TAG_LEN_MAX && s[0] != '.' && s[0] != '-';

    for (size_t i = 0; valid && i < len; i++)
        valid = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') ||
                (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_' || s[i] == '.' || s[i] == '-';
    if (!valid)
        return err_set(
            err, ERR_MANIFEST_INVALID,
            "\"%.*s\" is no tag: up to %d of A-Z a-z 0-9 _ . -, not beginning with . or -",
            (int)len, s, TAG_LEN_MAX);
    memcpy(tag->s, s, len);
    tag->s[len] = '\0';
    return 0;
}
