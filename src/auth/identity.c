/* SPDX-License-Identifier: Apache-2.0
 * L2: who makes a request. */
#include "auth/identity.h"

#include "oci/glob.h"

#include <string.h>

static const char *const trusts[] = {"auto", "trust", "ignore", NULL};

static const struct settings_key keys[] = {
    SETTINGS_CHOICE(struct identity_settings, remote_user, "remote_user", "auto", trusts),
    SETTINGS_END,
};

const struct settings_table identity_table = SETTINGS_TABLE(struct identity_settings, keys, NULL);

/* Some token servers grant whatever name is asked for if their own rules match it: read as a glob,
 * "app-?" would open what those rules keep closed. */
static bool grant_covers(const struct identity *identity, const struct grant *grant,
                         const struct name *name)
{
    return identity->robot ? glob_matches(grant->pattern, name->s)
                           : !strcmp(grant->pattern, name->s);
}

int identity_actions(const struct identity *identity, const struct name *name)
{
    int actions = 0;

    if (!identity->has_token)
        return ACTION_ALL;
    for (size_t i = 0; i < identity->n_grants; i++)
        if (grant_covers(identity, &identity->grants[i], name))
            actions |= identity->grants[i].actions;
    return actions;
}

const char *identity_owner(const struct identity *identity)
{
    return identity->foreign ? identity->foreign : identity->user;
}
