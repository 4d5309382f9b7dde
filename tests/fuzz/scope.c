/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes scopes, as a request and as a token's claim have them: what is printed reads the same. */
#include "fuzz/fuzz.h"

#include "auth/scope.h"
#include "oci/glob.h"

static void check(const struct scopes *scopes)
{
    must_hold(scopes->n <= 64 && (scopes->grants || scopes->n == 0));
    for (size_t i = 0; i < scopes->n; i++) {
        const struct grant *grant = &scopes->grants[i];
        must_hold(*grant->pattern && grant->actions > 0 && grant->actions <= ACTION_ALL);
        glob_matches(grant->pattern, "team/app");
    }
}

static bool all_utf8(const struct buf *json)
{
    return !strstr(json->s, "\xef\xbf\xbd");
}

static void check_printed(const struct scopes *scopes, struct arena *arena)
{
    AUTO_BUF json = BUF_INIT;
    struct scopes again = {0};
    struct err err;

    struct json_writer writer = json_writer_begin(&json);
    scope_write_access(scopes, &writer, NULL);
    struct json *parsed = json_parse(json.s, json.len, 8, &err);
    must_hold(parsed);
    scope_parse_access(&again, arena, parsed);
    must_hold(again.n == scopes->n && again.catalog == scopes->catalog);
    for (size_t i = 0; i < again.n; i++)
        must_hold(
            again.grants[i].actions == scopes->grants[i].actions &&
            (!all_utf8(&json) || !strcmp(again.grants[i].pattern, scopes->grants[i].pattern)));
    json_free(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena = {0};
    struct scopes asked = {0}, granted = {0};
    struct err err;

    char *text = text_of(bytes, len);
    scope_parse(&asked, &arena, text);
    check(&asked);
    check_printed(&asked, &arena);
    struct json *json = json_parse(text, len, 8, &err);
    scope_parse_access(&granted, &arena, json);
    check(&granted);
    check_printed(&granted, &arena);
    json_free(json);
    arena_free(&arena);
    free(text);
    return 0;
}
