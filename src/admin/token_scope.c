/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth token issue`: scopes as they are typed. */
#include "admin/token_scope.h"

#include "auth/policy.h"
#include "auth/scope.h"
#include "oci/glob.h"

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

/* A name that the glob matches; false: there is none. */
static bool example(const char *glob, struct name *name)
{
    AUTO_BUF text = BUF_INIT;

    for (; *glob; glob++)
        if (*glob != '*' && *glob != '?')
            buf_addc(&text, *glob);
        else if (glob[0] == '?' || glob[1] != '*')
            buf_addc(&text, 'x');
    return text.len && name_parse(name, text.s, text.len, NULL) == 0;
}

/* What the rules let the user do in some repository that the glob matches. */
static int allowed(const struct policy_settings *settings, const struct policy *policy,
                   const struct identity *who, const char *glob)
{
    struct name name;
    int actions = 0;

    if (example(glob, &name))
        actions |= policy_verdict(policy, who, &name).actions;
    for (size_t i = 0; i < settings->n_repositories; i++)
        if (example(settings->repositories[i].pattern, &name) && glob_matches(glob, name.s))
            actions |= policy_verdict(policy, who, &name).actions;
    return actions;
}

static void warn(const char *user, const struct grant *grant, int missing)
{
    static const struct {
        enum action action;
        const char *word;
    } words[] = {{ACTION_PULL, "pull"}, {ACTION_PUSH, "push"}, {ACTION_DELETE, "delete"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (missing & (int)words[i].action)
            fprintf(stderr,
                    "berth: the rules do not let %s %s %s, so this token cannot either: see `berth "
                    "access`\n",
                    user, words[i].word, grant->pattern);
}

int token_scope_warn(const struct config_live *live, const char *user, const char *text,
                     struct err *err)
{
    const struct identity who = {.user = user};
    struct arena arena = {0};
    struct scopes scopes = {0};
    struct policy *policy = policy_new(&live->policy, config_checks_logins(live), err);

    if (!policy)
        return -1;
    scope_parse(&scopes, &arena, text);
    for (size_t i = 0; i < scopes.n; i++) {
        const struct grant *grant = &scopes.grants[i];
        warn(user, grant, grant->actions & ~allowed(&live->policy, policy, &who, grant->pattern));
    }
    arena_free(&arena);
    policy_free(policy);
    return 0;
}
