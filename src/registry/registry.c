/* SPDX-License-Identifier: Apache-2.0
 * L3: what a verb works on. */
#include "registry/registry.h"

void registry_tell(const struct registry *registry, struct event event)
{
    event_tell(&registry->observer, &registry->actor, event);
}
