/* SPDX-License-Identifier: Apache-2.0
 *
 * Who changed what, and who was not let: a line of JSON for each change and each denial, into a
 * file, to syslog or to the journal (`audit` in berth.conf(5), which has the schema). One for each
 * process. Passwords and tokens are never in it; what comes from outside is cut off.
 */
#ifndef BERTH_EVENT_AUDIT_H
#define BERTH_EVENT_AUDIT_H

#include "event/event.h"

/* A file's absolute path, "syslog", "journal"; "" is nowhere. What it cannot write, the log says
 * once. */
void audit_open(const char *to);
void audit_close(void);

/* Writes each event, and tells next, which may tell nobody. *next stays the caller's. Where nothing
 * was opened it is next itself. */
struct event_observer audit_observer(const struct event_observer *next);

/* Somebody was not let. action: "pull", "push", "delete", "catalog", "login", "metrics". */
struct audit_denial {
    const struct event_actor *actor; /* user: also who was claimed to be one */
    const char *action;
    const char *repository; /* NULL: none */
    const char *reference;  /* NULL: none */
    const char *method, *path;
    const char *reason;
    int status;
};
void audit_denied(const struct audit_denial *denial);

#endif
