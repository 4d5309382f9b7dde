/* SPDX-License-Identifier: Apache-2.0
 * L6: what is seen of an import or export. */
#include "admin/watch.h"

#include "cli/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TURN_MS 100

void watch_end(struct watch *watch)
{
    bar_end(&watch->items);
    bar_end(&watch->bytes);
}

static void note(void *context, const char *text)
{
    watch_end(context);
    fprintf(stderr, "berth: %s\n", text);
}

/* False: a signal came, or the terminal is gone. poll(2), since read(2) goes on after a signal; in
 * turns, since one may come just before it, or to another thread. */
static bool await_line(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = 0;

    while (ready == 0 || (ready < 0 && errno == EINTR)) {
        if (interrupt_check(NULL) < 0)
            return false;
        ready = poll(&in, 1, TURN_MS);
    }
    return ready > 0;
}

/* A number from 1 to n, 0: it is none, or a signal came. */
static size_t read_number(size_t n)
{
    char line[32];
    char *end;

    if (!await_line() || !fgets(line, sizeof line, stdin))
        return 0;
    unsigned long number = strtoul(line, &end, 10);
    return (*end == '\n' || *end == '\0') && number <= n ? number : 0;
}

static int choose(void *context, const char *question, const struct strings *choices)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return -1;
    watch_end(context);
    fprintf(stderr, "%s. There is:\n", question);
    for (size_t i = 0; i < choices->n; i++)
        fprintf(stderr, "%4zu  %s\n", i + 1, choices->v[i]);
    fputs("Which one (its number; Enter for none)? ", stderr);
    fflush(stderr);
    return (int)read_number(choices->n) - 1;
}

static bool stop(void *context)
{
    (void)context;
    return interrupt_check(NULL) < 0;
}

void watch_start(struct watch *watch, bool quiet, struct transfer_options *options)
{
    bar_start(&watch->items, BAR_ITEMS, quiet);
    bar_start(&watch->bytes, BAR_BYTES, quiet);
    options->items = &watch->items.progress;
    options->bytes = &watch->bytes.progress;
    options->context = watch;
    options->note = note;
    options->choose = choose;
    options->stop = stop;
}
