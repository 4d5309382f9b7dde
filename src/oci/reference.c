/* SPDX-License-Identifier: Apache-2.0
 * L1: references to manifests. */
#include "oci/reference.h"

#include <string.h>

int reference_parse(struct reference *reference, const char *s, size_t len, struct err *err)
{
    reference->is_digest = memchr(s, ':', len) != NULL;
    if (reference->is_digest)
        return digest_parse(&reference->digest, s, len, err);
    return tag_parse(&reference->tag, s, len, err);
}

const char *reference_text(const struct reference *reference)
{
    return reference->is_digest ? reference->digest.s : reference->tag.s;
}

int reference_parse_full(struct name *name, struct reference *reference, const char *s,
                         struct err *err)
{
    const char *at = strchr(s, '@');
    size_t end = at ? (size_t)(at - s) : strlen(s);
    const char *colon = memchr(s, ':', end);
    size_t name_len = colon ? (size_t)(colon - s) : end;
    const char *text = at ? at + 1 : colon ? colon + 1 : "latest";

    if (name_parse(name, s, name_len, err) < 0)
        return -1;
    if (at) {
        reference->is_digest = true;
        return digest_parse(&reference->digest, text, strlen(text), err);
    }
    reference->is_digest = false;
    return tag_parse(&reference->tag, text, strlen(text), err);
}
