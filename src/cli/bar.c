/* SPDX-License-Identifier: Apache-2.0
 * L1: the progress bar. */
#include "cli/bar.h"

#include "base/amount.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SHOW_AFTER_MS 1000
#define DRAW_EVERY_MS 100
#define COLUMNS_DEFAULT 80

static void amount(char out[AMOUNT_TEXT], enum bar_unit unit, int64_t n)
{
    if (unit == BAR_BYTES)
        amount_size(out, n);
    else
        snprintf(out, AMOUNT_TEXT, "%jd", (intmax_t)n);
}

static void time_left(char *out, size_t size, int64_t seconds)
{
    if (seconds < 3600)
        snprintf(out, size, "%d:%02d left", (int)(seconds / 60), (int)(seconds % 60));
    else if (seconds < 100 * 3600)
        snprintf(out, size, "%d h %02d min left", (int)(seconds / 3600), (int)(seconds / 60 % 60));
    else
        snprintf(out, size, "%jd days left", (intmax_t)(seconds / 86400));
}

/* "hashing  [=====>    ]  1.2 GiB of 4.0 GiB  310.2 MiB/s  0:09 left" */
static void draw(const struct bar *bar, int64_t done, int64_t total, int64_t elapsed_ms)
{
    char is[AMOUNT_TEXT], of[AMOUNT_TEXT], rate[AMOUNT_TEXT];
    char text[160], left[40] = "", meter[64] = "", line[320];
    int64_t per_second = elapsed_ms > 0 ? (int64_t)((double)done * 1000 / (double)elapsed_ms) : 0;

    amount(is, bar->unit, done);
    amount(of, bar->unit, total);
    amount(rate, bar->unit, per_second);
    if (total > 0 && per_second > 0)
        time_left(left, sizeof left, total > done ? (total - done) / per_second : 0);
    if (total >= 0)
        snprintf(text, sizeof text, "%s of %s  %s/s  %s", is, of, rate, left);
    else
        snprintf(text, sizeof text, "%s  %s/s", is, rate);
    int room = bar->width - (int)strlen(bar->what) - (int)strlen(text) - 8;
    if (total > 0 && room >= 8) {
        int cells = room > 40 ? 40 : room;
        int full = (int)((double)cells * (double)(done < total ? done : total) / (double)total);
        snprintf(meter, sizeof meter, "[%.*s%*s]  ", full,
                 "========================================", cells - full, "");
    }
    snprintf(line, sizeof line, "%s  %s%s", bar->what, meter, text);
    /* A line that is longer would go on in the next one, to which \r does not reach back. */
    fprintf(stderr, "\r%.*s\033[K", bar->width > 1 ? bar->width - 1 : 1, line);
    fflush(stderr);
}

static void at(void *context, const char *what, int64_t done, int64_t total)
{
    struct bar *bar = context;
    int64_t now = clock_ms();

    if (bar->what != what) {
        bar->what = what;
        bar->start_ms = now;
        bar->drawn_ms = 0;
    }
    int64_t wait = bar->shown ? DRAW_EVERY_MS : SHOW_AFTER_MS;
    if (now - (bar->drawn_ms ? bar->drawn_ms : bar->start_ms) < wait)
        return;
    bar->shown = true;
    bar->drawn_ms = now;
    draw(bar, done, total, now - bar->start_ms);
}

void bar_start(struct bar *bar, enum bar_unit unit, bool quiet)
{
    struct winsize size;

    *bar = (struct bar){.unit = unit};
    if (quiet || !isatty(STDERR_FILENO))
        return;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    bar->width = known ? size.ws_col : COLUMNS_DEFAULT;
    bar->progress = (struct progress){at, bar};
}

void bar_end(struct bar *bar)
{
    if (bar->shown)
        fputs("\r\033[K", stderr);
    bar->shown = false;
}
