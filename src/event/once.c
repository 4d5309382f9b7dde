/* SPDX-License-Identifier: Apache-2.0
 * L2: content that comes to a repository is told once. */
#include "event/once.h"

#include "oci/digester.h"

/* Whether it is news. By what and where it is: a digest of both. */
static bool is_new(struct once *once, char kind, const struct event *event)
{
    AUTO_BUF text = BUF_INIT;
    struct digest key;

    buf_addf(&text, "%c %s %s", kind, event->repository->s, event->digest->s);
    digester_of(&key, DIGEST_SHA256, text.s, text.len);
    return (*digest_map_put(&once->told, &key))++ == 0;
}

static void told(void *context, const struct event *event)
{
    struct once *once = context;
    bool news = true;

    if (event->what == EVENT_BLOB_PUSHED || event->what == EVENT_BLOB_MOUNTED)
        news = is_new(once, 'b', event);
    else if (event->what == EVENT_MANIFEST_PUSHED)
        news = is_new(once, 'm', event);
    if (news)
        once->next.told(once->next.context, event);
}

struct event_observer once_observer(struct once *once, struct event_observer next)
{
    *once = (struct once){.next = next};
    return next.told ? (struct event_observer){told, once} : next;
}

void once_free(struct once *once)
{
    digest_map_free(&once->told);
}
