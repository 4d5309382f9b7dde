/* SPDX-License-Identifier: Apache-2.0
 *
 * What happened to the registry's content, and who did it. The verbs (src/registry) and the
 * collector tell it, whoever calls them, when it is on disk and before they return: what failed is
 * not told, and nothing is told twice. What is acknowledged is told also where everything was there
 * already, since whoever repeats a request may not have got the first answer.
 */
#ifndef BERTH_EVENT_EVENT_H
#define BERTH_EVENT_EVENT_H

#include "base/buf.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "oci/tag.h"

#include <stdint.h>

enum event_what {
    EVENT_MANIFEST_PUSHED,    /* digest, media_type, size */
    EVENT_MANIFEST_DELETED,   /* digest; the names that it had are told before */
    EVENT_TAG_PUSHED,         /* tag, digest, media_type, size: it was made or moved, or stays */
    EVENT_TAG_DELETED,        /* tag, digest: what it pointed at; NULL: it was damaged */
    EVENT_BLOB_PUSHED,        /* digest, size */
    EVENT_BLOB_MOUNTED,       /* digest, size, from: linked, no bytes came */
    EVENT_BLOB_DELETED,       /* digest: the repository has it no more */
    EVENT_REPOSITORY_DELETED, /* with all that was in it, which is not told one by one */
};

/* Who acts, as far as it is known: NULL where it is not. Valid as long as the registry that has it.
 */
struct event_actor {
    const char *user;       /* of the registry, or of the system for a command; NULL: nobody */
    const char *how;        /* who knows that it is he: "server", "password", "token", "robot",
                             * "command" */
    const char *address;    /* of the client */
    const char *agent;      /* User-Agent */
    const char *request_id; /* by which other logs know the request */
    const char *token_id;   /* by which the token is known that he showed; NULL: none */
};

/* Valid for the call in which it is told. */
struct event {
    enum event_what what;
    const struct name *repository;
    const struct tag *tag;
    const struct digest *digest;
    const char *media_type;
    int64_t size;            /* bytes; -1: it has none, or nobody looked */
    const struct name *from; /* the repository that a blob was mounted from; NULL: not known */
    const struct event_actor *actor;
    int64_t time; /* nanoseconds since 1970 */
};

/* "manifest-pushed" and the like. */
const char *event_name(enum event_what what);
/* Appends it as a JSON object on one line: event, time, repository, tag, digest, mediaType, size,
 * from, actor {user, how, tokenId, address, agent, requestId}, as far as each is known, in this
 * order. What comes from outside is cut off. */
void event_print(const struct event *event, struct buf *out);

/* The same for one string, cut off; NULL: nothing. */
struct json_writer;
void event_print_outside(struct json_writer *json, const char *key, const char *s);

/* Whoever wants to hear of it. A NULL function does not. It cannot fail: what was done is done. */
struct event_observer {
    void (*told)(void *context, const struct event *event);
    void *context;
};

/* Tells the observer, now. actor and time of the event need not be set. */
void event_tell(const struct event_observer *observer, const struct event_actor *actor,
                struct event event);

/* Writes `event ` and what event_print makes to the log, as a line for debugging. */
struct event_observer event_to_log(void);

#endif
