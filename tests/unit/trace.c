/* SPDX-License-Identifier: Apache-2.0
 * Records fsync, renameat and mkdirat: the linker prefers these to libc's. */
#include "unit/trace.h"

#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum call { CALL_FSYNC, CALL_RENAME, CALL_MKDIR };

struct event {
    enum call call;
    char path[1024]; /* what was synced, made, or renamed */
    char to[1024];   /* of a rename */
};

static struct event *events;
static size_t n_events;
static char *directory; /* NULL: nothing is recorded */

int fsync(int fd);
int renameat(int old_fd, const char *old_path, int new_fd, const char *new_path);
int mkdirat(int fd, const char *path, mode_t mode);

/* What an open descriptor, with a name below it or NULL, is called below the directory. */
static void name_of(int fd, const char *base, char out[1024])
{
    char link[64], path[1024];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    assert_true(len > 0);
    path[len] = '\0';
    size_t prefix = strlen(directory);
    const char *inner = !strncmp(path, directory, prefix) ? path + prefix : path;
    inner += *inner == '/';
    snprintf(out, 1024, "%.700s%s%.200s", inner, base && *inner ? "/" : "", base ? base : "");
}

static struct event *record(enum call call)
{
    events = realloc(events, (n_events + 1) * sizeof *events);
    assert_non_null(events);
    struct event *event = &events[n_events++];
    *event = (struct event){.call = call};
    return event;
}

int fsync(int fd)
{
    if (directory)
        name_of(fd, NULL, record(CALL_FSYNC)->path);
    return (int)syscall(SYS_fsync, fd);
}

int renameat(int old_fd, const char *old_path, int new_fd, const char *new_path)
{
    if (directory) {
        struct event *event = record(CALL_RENAME);
        name_of(old_fd, old_path, event->path);
        name_of(new_fd, new_path, event->to);
    }
    return (int)syscall(SYS_renameat2, old_fd, old_path, new_fd, new_path, 0);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    int made = (int)syscall(SYS_mkdirat, fd, path, mode);

    if (directory && made == 0)
        name_of(fd, path, record(CALL_MKDIR)->path);
    return made;
}

void trace_start(const char *dir)
{
    trace_stop();
    free(events);
    events = NULL;
    n_events = 0;
    directory = realpath(dir, NULL);
    assert_non_null(directory);
}

void trace_stop(void)
{
    free(directory);
    directory = NULL;
}

static bool ends_in(const char *path, const char *end)
{
    size_t len = strlen(path), end_len = strlen(end);

    return len >= end_len && !strcmp(path + len - end_len, end);
}

static int find(enum call call, const char *end, int after)
{
    for (size_t i = (size_t)(after + 1); i < n_events; i++)
        if (events[i].call == call &&
            ends_in(call == CALL_RENAME ? events[i].to : events[i].path, end))
            return (int)i;
    return -1;
}

int trace_fsync(const char *end, int after)
{
    return find(CALL_FSYNC, end, after);
}

int trace_rename_to(const char *end, int after)
{
    return find(CALL_RENAME, end, after);
}

size_t trace_count_fsync(void)
{
    size_t n = 0;

    for (size_t i = 0; i < n_events; i++)
        n += events[i].call == CALL_FSYNC;
    return n;
}

static bool synced(const char *path, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (events[i].call == CALL_FSYNC && !strcmp(events[i].path, path))
            return true;
    return false;
}

static void parent_of(const char *path, char out[1024])
{
    const char *slash = strrchr(path, '/');

    snprintf(out, 1024, "%.*s", slash ? (int)(slash - path) : 0, path);
}

void trace_assert_durable(void)
{
    char parent[1024];

    assert_true(n_events > 0);
    for (size_t i = 0; i < n_events; i++) {
        const struct event *event = &events[i];
        bool thrown_away = !strncmp(event->to, "_berth/tmp/", strlen("_berth/tmp/"));
        /* Sessions are not promised. */
        const char *place = event->call == CALL_RENAME && !thrown_away ? event->to : event->path;
        if (event->call == CALL_FSYNC || strstr(place, "/_uploads"))
            continue;
        if (event->call == CALL_RENAME && !thrown_away && !synced(event->path, 0, i))
            fail_msg("%s became %s before it was synced", event->path, event->to);
        parent_of(place, parent);
        if (!synced(parent, i + 1, n_events))
            fail_msg("the directory of %s was not synced afterwards", place);
    }
}
