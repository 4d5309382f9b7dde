/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes repository names, tags, digests and references. */
#include "fuzz/fuzz.h"

#include "oci/reference.h"

/* What became part of a path cannot lead out of its directory. */
static void check_harmless(const char *s, size_t len)
{
    must_hold(strlen(s) == len && len > 0);
    must_hold(s[0] != '/' && s[0] != '.' && s[0] != '-');
    must_hold(!strstr(s, "//") && !strstr(s, "/.") && !strstr(s, "/_"));
    for (const char *c = s; *c; c++)
        must_hold(*c > ' ' && *c < 0x7f && *c != '\\' && *c != '%');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *s = (const char *)bytes;
    struct name name;
    struct tag tag;
    struct digest digest;
    struct reference reference;
    struct err err;

    if (name_parse(&name, s, len, &err) == 0) {
        check_harmless(name.s, len);
        must_hold(len <= NAME_LEN_MAX && name.s[len - 1] != '/' && name.s[0] != '_');
    }
    if (tag_parse(&tag, s, len, &err) == 0) {
        check_harmless(tag.s, len);
        must_hold(len <= TAG_LEN_MAX && !strpbrk(tag.s, "/:@"));
    }
    if (digest_parse(&digest, s, len, &err) == 0) {
        check_harmless(digest.s, len);
        must_hold(strspn(digest_hex(&digest), "0123456789abcdef") ==
                  (digest.algorithm == DIGEST_SHA256 ? 64u : 128u));
    }
    if (reference_parse(&reference, s, len, &err) == 0)
        check_harmless(reference_text(&reference), len);
    char *text = text_of(bytes, len);
    if (reference_parse_full(&name, &reference, text, &err) == 0) {
        check_harmless(name.s, strlen(name.s));
        must_hold(!strncmp(text, name.s, strlen(name.s)));
    }
    free(text);
    return 0;
}
