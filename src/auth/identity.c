/* SPDX-License-Identifier: Apache-2.0
 * L2: who makes a request. */
#include "auth/identity.h"

#include "auth/glob.h"

int identity_actions(const struct identity *identity, const struct name *name)
{
    int actions = 0;

    if (!identity->has_token)
        return ACTION_ALL;
    for (size_t i = 0; i < identity->n_grants; i++)
        if (glob_matches(identity->grants[i].pattern, name->s))
            actions |= identity->grants[i].actions;
    return actions;
}
