/* SPDX-License-Identifier: Apache-2.0
 *
 * An observer in front of another one, for work of many steps that come by the same content again
 * and again: a layer that several images of an import have is told when it comes to a repository,
 * and not each time when it is found there. All else is passed on.
 */
#ifndef BERTH_EVENT_ONCE_H
#define BERTH_EVENT_ONCE_H

#include "event/event.h"
#include "oci/digest_map.h"

struct once {
    struct event_observer next;
    struct digest_map told;
};

/* Where next tells nobody, nor does it. once_free afterwards. */
struct event_observer once_observer(struct once *once, struct event_observer next);
void once_free(struct once *once);

#endif
