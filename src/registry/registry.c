/* SPDX-License-Identifier: Apache-2.0
 * L3: what a verb works on. */
#include "registry/registry.h"

#include "auth/policy.h"

bool registry_is_sparse(const struct registry *registry, const struct name *name)
{
    return registry->policy && policy_is_sparse(registry->policy, name);
}

void registry_tell(const struct registry *registry, struct event event)
{
    event_tell(&registry->observer, &registry->actor, event);
}
