/* SPDX-License-Identifier: Apache-2.0
 * L2: who changed what, and who was not let. */
#include "event/audit.h"

#include "base/json_writer.h"
#include "base/line_file.h"
#include "base/log.h"
#include "base/rfc3339.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL "/run/systemd/journal/socket"

static enum { NOWHERE, TO_FILE, TO_SYSLOG, TO_JOURNAL } kind;
static struct line_file file = {.fd = -1};
static int journal = -1;

void audit_open(const char *to)
{
    audit_close();
    if (!strcmp(to, "syslog")) {
        openlog("berth-audit", LOG_PID, LOG_AUTHPRIV);
        kind = TO_SYSLOG;
    } else if (!strcmp(to, "journal")) {
        journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        kind = TO_JOURNAL;
    } else if (*to) {
        line_file_open(&file, to);
        kind = TO_FILE;
    }
}

void audit_close(void)
{
    if (kind == TO_SYSLOG)
        closelog();
    if (journal >= 0)
        close(journal);
    journal = -1;
    line_file_close(&file);
    kind = NOWHERE;
}

/* The journal's own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a line for each field. */
static void to_journal(const struct buf *line)
{
    static int said;
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL};
    AUTO_BUF entry = BUF_INIT;

    buf_addf(&entry, "PRIORITY=5\nSYSLOG_IDENTIFIER=berth-audit\nMESSAGE=%s\n", line->s);
    if (sendto(journal, entry.s, entry.len, MSG_NOSIGNAL, (const struct sockaddr *)&address,
               sizeof address) == (ssize_t)entry.len)
        said = 0;
    else if (said != errno)
        log_error("audit: the journal cannot be written to: %s", strerror(said = errno));
}

static void write_line(struct buf *line)
{
    if (kind == TO_SYSLOG) {
        syslog(LOG_NOTICE, "%s", line->s);
    } else if (kind == TO_JOURNAL) {
        to_journal(line);
    } else {
        buf_addc(line, '\n');
        line_file_add(&file, line->s, line->len);
    }
}

static void add_time(struct json_writer *json)
{
    struct timespec now;
    char second[RFC3339_SIZE];

    clock_gettime(CLOCK_REALTIME, &now);
    rfc3339_format(second, now.tv_sec);
    json_writer_stringf(json, "time", "%.19s.%03dZ", second, (int)(now.tv_nsec / 1000000));
}

static void add_actor(struct json_writer *json, const struct event_actor *actor)
{
    event_print_outside(json, "user", actor->user);
    event_print_outside(json, "how", actor->how);
    event_print_outside(json, "tokenId", actor->token_id);
    event_print_outside(json, "address", actor->address);
    event_print_outside(json, "agent", actor->agent);
    event_print_outside(json, "requestId", actor->request_id);
}

static void told(void *context, const struct event *event)
{
    const struct event_observer *next = context;
    AUTO_BUF line = BUF_INIT;
    struct json_writer json = json_writer_begin(&line);

    json_writer_object(&json, NULL);
    add_time(&json);
    json_writer_string(&json, "action", event_name(event->what));
    json_writer_string(&json, "result", "done");
    json_writer_string(&json, "repository", event->repository->s);
    if (event->tag)
        json_writer_string(&json, "reference", event->tag->s);
    if (event->digest)
        json_writer_string(&json, "digest", event->digest->s);
    if (event->from)
        json_writer_string(&json, "from", event->from->s);
    add_actor(&json, event->actor);
    json_writer_end(&json);
    write_line(&line);
    if (next->told)
        next->told(next->context, event);
}

struct event_observer audit_observer(const struct event_observer *next)
{
    return kind == NOWHERE ? *next : (struct event_observer){told, (void *)next};
}

void audit_denied(const struct audit_denial *denial)
{
    AUTO_BUF line = BUF_INIT;
    struct json_writer json = json_writer_begin(&line);

    if (kind == NOWHERE)
        return;
    json_writer_object(&json, NULL);
    add_time(&json);
    json_writer_string(&json, "action", denial->action);
    json_writer_string(&json, "result", "denied");
    json_writer_number(&json, "status", denial->status);
    event_print_outside(&json, "reason", denial->reason);
    event_print_outside(&json, "repository", denial->repository);
    event_print_outside(&json, "reference", denial->reference);
    event_print_outside(&json, "method", denial->method);
    event_print_outside(&json, "path", denial->path);
    add_actor(&json, denial->actor);
    json_writer_end(&json);
    write_line(&line);
}
