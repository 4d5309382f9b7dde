/* SPDX-License-Identifier: Apache-2.0
 * L1: tags that belong to a manifest. */
#include "oci/attached.h"

#include <stdio.h>
#include <string.h>

#define HEX_LEN 64

static const char *const ends[ATTACHED_KINDS] = {
    [ATTACHED_REFERRERS] = "",
    [ATTACHED_SIGNATURE] = ".sig",
    [ATTACHED_ATTESTATION] = ".att",
    [ATTACHED_SBOM] = ".sbom",
};

/* cosign cuts nothing off. */
static bool can_be(enum attached_kind kind, enum digest_algorithm algorithm)
{
    return kind == ATTACHED_REFERRERS || algorithm == DIGEST_SHA256;
}

static bool parse_algorithm(enum digest_algorithm *algorithm, const char **text)
{
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        const char *name = digest_algorithm_name((enum digest_algorithm)i);
        size_t len = strlen(name);
        if (strncmp(*text, name, len) != 0 || (*text)[len] != '-')
            continue;
        *algorithm = (enum digest_algorithm)i;
        *text += len + 1;
        return true;
    }
    return false;
}

bool attached_parse(struct attached *attached, const char *tag)
{
    if (!parse_algorithm(&attached->algorithm, &tag) || strspn(tag, "0123456789abcdef") != HEX_LEN)
        return false;
    memcpy(attached->hex, tag, HEX_LEN);
    attached->hex[HEX_LEN] = '\0';
    for (int i = 0; i < ATTACHED_KINDS; i++) {
        attached->kind = (enum attached_kind)i;
        if (!strcmp(tag + HEX_LEN, ends[i]))
            return can_be(attached->kind, attached->algorithm);
    }
    return false;
}

bool attached_is_of(const struct attached *attached, const struct digest *manifest)
{
    return attached->algorithm == manifest->algorithm &&
           !strncmp(attached->hex, digest_hex(manifest), HEX_LEN);
}

bool attached_tag(struct tag *tag, const struct digest *manifest, enum attached_kind kind)
{
    if (!can_be(kind, manifest->algorithm))
        return false;
    snprintf(tag->s, sizeof tag->s, "%s-%.*s%s", digest_algorithm_name(manifest->algorithm),
             HEX_LEN, digest_hex(manifest), ends[kind]);
    return true;
}
