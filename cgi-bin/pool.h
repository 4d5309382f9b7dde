/* SPDX-License-Identifier: Apache-2.0
 *
 * The prefork pool: a parent that keeps children at work on one listening socket. A worker does one
 * thing at a time, which may take long (a body from a slow client), and must not be waited for: so
 * the parent starts another before the last idle one is taken, and lets those go that were idle for
 * a while.
 *
 * How many: `min` while nothing is done. Otherwise two more than are busy, so that there is still
 * one when one of them is taken; never fewer than `min` and never more than `max`.
 *
 * Who knows what: each worker writes what it does onto a scoreboard in memory that it shares with
 * the parent alone, and wakes the parent when fewer than two are left. No count is kept anywhere
 * that a killed worker could leave wrong; the parent sleeps while nothing changes.
 *
 * Trouble: workers that end before they are ready, or within a second, and a fork that fails, are
 * tried again one at a time, in pauses that grow to a second, and to ten where none gets ready. The
 * log has each reason once, and says when it is over. While no worker is left and none has been
 * ready for some attempts, connections are closed at once, so that the web server has an error to
 * show instead of nothing.
 *
 * Signals: SIGTERM, SIGINT and SIGUSR1 end the pool; workers finish what they are at. They end in
 * the same way when the parent was killed. SIGHUP replaces all workers, as they finish, by others
 * that start with what `reload` has read; where there are `max`, each has to wait for one to end.
 *
 * Takeover: a web server that starts the parent and looks, when that is killed, whether somebody
 * still has the socket, finds workers that are about to end, takes them for a service that others
 * look after, and starts nothing ever again (lighttpd). With `takeover` one more child does nothing
 * but wait to take the parent's place on the same socket; it is replaced at once whenever it dies.
 * Not a worker: of those there may be none, as where each is killed before it is ready. Whoever
 * started the first parent does not know the new one, so it ends, with the socket's name, when that
 * one does.
 */
#ifndef BERTH_CGI_BIN_POOL_H
#define BERTH_CGI_BIN_POOL_H

#include <stdbool.h>

#define POOL_MAX 1024 /* workers */

/* A worker, as the function that runs in it sees it. NULL in the functions below is a process
 * without a pool. */
struct pool_worker;

struct pool_plan {
    int min, max;
    int idle_ms; /* a worker that is one too many goes when it was idle for so long */
    int socket;  /* the listening socket; made non-blocking, for everyone who shares it */
    bool takeover;
    /* In each child, with the signal mask that pool_run was called with, SIGHUP let through: calls
     * pool_idle when it is ready, and returns its exit code, 0 after SIGTERM, which it finishes its
     * work before. What the parent had open and locked is not its: it opens what it needs itself.
     */
    int (*work)(struct pool_worker *self, void *context);
    /* In the parent, on SIGHUP: reads anew what it hands to workers. Negative: it could not, and
     * nothing changes. NULL: there is nothing to read. */
    int (*reload)(void *context);
    void *context;
};

/* Before what takes a while and precedes pool_run: a SIGHUP that comes meanwhile waits for it, and
 * ends nothing. */
void pool_hold(void);
/* Runs until a signal ends it; none of its children is left then. Returns an exit code. */
int pool_run(const struct pool_plan *plan);

/* Of a worker: it waits for work; it has some, before it looks what. */
void pool_idle(struct pool_worker *self);
void pool_busy(struct pool_worker *self);
/* Why it cannot start, before it returns: the parent says so, once. Without a pool the log has it
 * at once. */
void pool_cannot_start(struct pool_worker *self, const char *why);

#endif
