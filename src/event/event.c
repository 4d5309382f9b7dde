/* SPDX-License-Identifier: Apache-2.0
 * L2: telling what happened, and showing it as JSON. */
#include "event/event.h"

#include "base/json_writer.h"
#include "base/log.h"
#include "base/rfc3339.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_S 1000000000
#define NS_PER_MS 1000000

/* What a request brings may be as long as a header, but a log line must not be cut in its JSON. So
 * long each may get once it is escaped. */
#define OUTSIDE_MAX 256

static const char *const names[] = {
    [EVENT_MANIFEST_PUSHED] = "manifest-pushed", [EVENT_MANIFEST_DELETED] = "manifest-deleted",
    [EVENT_TAG_PUSHED] = "tag-pushed",           [EVENT_TAG_DELETED] = "tag-deleted",
    [EVENT_BLOB_PUSHED] = "blob-pushed",         [EVENT_BLOB_MOUNTED] = "blob-mounted",
    [EVENT_BLOB_DELETED] = "blob-deleted",       [EVENT_REPOSITORY_DELETED] = "repository-deleted",
};

const char *event_name(enum event_what what)
{
    return names[what];
}

void event_tell(const struct event_observer *observer, const struct event_actor *actor,
                struct event event)
{
    struct timespec now;

    if (!observer->told)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    event.time = (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
    event.actor = actor;
    observer->told(observer->context, &event);
}

/* How many bytes of s fit into OUTSIDE_MAX: a control character becomes six, a byte that is no
 * UTF-8 three. */
static int fitting(const char *s)
{
    size_t room = OUTSIDE_MAX;
    int n = 0;

    for (const unsigned char *c = (const unsigned char *)s; *c; c++, n++) {
        size_t cost = *c < 0x20 || *c == 0x7f   ? 6
                      : *c >= 0x80              ? 3
                      : *c == '"' || *c == '\\' ? 2
                                                : 1;
        if (cost > room)
            break;
        room -= cost;
    }
    return n;
}

void event_print_outside(struct json_writer *json, const char *key, const char *s)
{
    if (s)
        json_writer_stringf(json, key, "%.*s", fitting(s), s);
}

static void print_actor(struct json_writer *json, const struct event_actor *actor)
{
    json_writer_object(json, "actor");
    event_print_outside(json, "user", actor->user);
    event_print_outside(json, "how", actor->how);
    event_print_outside(json, "tokenId", actor->token_id);
    event_print_outside(json, "address", actor->address);
    event_print_outside(json, "agent", actor->agent);
    event_print_outside(json, "requestId", actor->request_id);
    json_writer_end(json);
}

void event_print(const struct event *event, struct buf *out)
{
    struct json_writer json = json_writer_begin(out);
    char second[RFC3339_SIZE];

    rfc3339_format(second, (time_t)(event->time / NS_PER_S));
    json_writer_object(&json, NULL);
    json_writer_string(&json, "event", names[event->what]);
    json_writer_stringf(&json, "time", "%.19s.%03dZ", second,
                        (int)(event->time % NS_PER_S / NS_PER_MS));
    json_writer_string(&json, "repository", event->repository->s);
    if (event->tag)
        json_writer_string(&json, "tag", event->tag->s);
    if (event->digest)
        json_writer_string(&json, "digest", event->digest->s);
    event_print_outside(&json, "mediaType", event->media_type);
    if (event->size >= 0)
        json_writer_number(&json, "size", event->size);
    if (event->from)
        json_writer_string(&json, "from", event->from->s);
    print_actor(&json, event->actor);
    json_writer_end(&json);
}

static void log_told(void *context, const struct event *event)
{
    AUTO_BUF text = BUF_INIT;

    (void)context;
    event_print(event, &text);
    log_debug("event %s", text.s);
}

struct event_observer event_to_log(void)
{
    return (struct event_observer){.told = log_told};
}
