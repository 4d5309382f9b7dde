/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth token issue`: scopes as they are typed. */
#include "admin/token_scope.h"

#include "auth/scope.h"

#include <stdio.h>
#include <string.h>

static bool actions_known(const char *text)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        if (scope_actions(text, len) == 0)
            return false;
        if (!text[len])
            return true;
        text += len + 1;
    }
}

int token_scope_check(const char *text, struct err *err)
{
    for (size_t len; *text; text += len + (text[len] == ' ')) {
        struct arena arena = {0};
        struct scopes scopes = {0};
        char one[512];

        len = strcspn(text, " ");
        if (len == 0)
            continue;
        snprintf(one, sizeof one, "%.*s", (int)len, text);
        scope_parse(&scopes, &arena, one);
        bool known =
            len < sizeof one && (scopes.n ? actions_known(strrchr(one, ':') + 1) : scopes.catalog);
        arena_free(&arena);
        if (!known)
            return err_set(err, ERR_USAGE,
                           "--scope \"%s\": must be like repository:team/app:pull,push or "
                           "registry:catalog:*",
                           one);
    }
    return 0;
}
