/* SPDX-License-Identifier: Apache-2.0
 * L3: what all parts of a pass of the collector know. */
#include "gc/pass.h"

#include "storage/storage.h"

#include <string.h>
#include <time.h>

#define NS ((int64_t)1000000000)

int pass_begin(struct pass *pass, const struct store *store, const struct gc_options *options,
               struct gc_totals *totals, struct err *err)
{
    struct timespec now;
    struct storage_lateness late;

    *totals = (struct gc_totals){0};
    *pass = (struct pass){
        .store = store,
        .options = options,
        .totals = totals,
        .hold = {.store = store, .dry_run = options->dry_run, .lock = {.fd = -1}},
    };
    clock_gettime(CLOCK_REALTIME, &now);
    pass->began = (int64_t)now.tv_sec * NS + now.tv_nsec;
    if (storage_lateness(store, &late, err) < 0)
        return -1;
    pass->late = late.seconds * NS;
    pass->hold.late_ms = late.caches_ms;
    return 0;
}

void pass_end(struct pass *pass)
{
    hold_pause(&pass->hold);
    pass->totals->longest_pause = pass->hold.longest_ms;
    digest_map_free(&pass->marked);
    digest_map_free(&pass->waiting);
    buf_free(&pass->untold);
    strings_free(&pass->hold.doomed);
}

void pass_problem(struct pass *pass, const struct name *name, const char *message)
{
    pass->totals->problems++;
    if (pass->options->problem)
        pass->options->problem(pass->options->context, name, message);
}

void pass_removes(const struct pass *pass, const struct gc_item *item)
{
    if (pass->options->removes)
        pass->options->removes(pass->options->context, item);
}

/* There may be millions, so they are kept as text: what, name, tag, digest, each with its NUL. */
void pass_went(struct pass *pass, enum event_what what, const struct name *name, const char *tag,
               const struct digest *digest)
{
    struct buf *untold = &pass->untold;

    if (!pass->options->observer.told || pass->options->dry_run)
        return;
    buf_addc(untold, (char)what);
    buf_add(untold, name->s, strlen(name->s) + 1);
    buf_add(untold, tag ? tag : "", tag ? strlen(tag) + 1 : 1);
    buf_add(untold, digest ? digest->s : "", digest ? strlen(digest->s) + 1 : 1);
}

/* Returns what stands at *text, and goes on to the next. */
static const char *next(const char **text)
{
    const char *this = *text;

    *text += strlen(this) + 1;
    return this;
}

static void tell(const struct pass *pass, enum event_what what, const char **text)
{
    const struct gc_options *options = pass->options;
    struct name name;
    struct tag tag;
    struct digest digest;
    const char *s = next(text);
    bool is_name = name_parse(&name, s, strlen(s), NULL) == 0;

    s = next(text);
    bool has_tag = tag_parse(&tag, s, strlen(s), NULL) == 0;
    s = next(text);
    bool has_digest = digest_parse(&digest, s, strlen(s), NULL) == 0;
    if (is_name)
        event_tell(&options->observer, &options->actor,
                   (struct event){.what = what,
                                  .repository = &name,
                                  .tag = has_tag ? &tag : NULL,
                                  .digest = has_digest ? &digest : NULL,
                                  .size = -1});
}

int pass_settle(struct pass *pass, struct err *err)
{
    if (pass->untold.len) {
        pass->hold.names_synced = false;
        if (hold_sync_names(&pass->hold, err) < 0)
            return -1;
    }
    const char *text = pass->untold.s;
    while (pass->untold.len && text < pass->untold.s + pass->untold.len) {
        enum event_what what = (enum event_what) * text++;
        tell(pass, what, &text);
    }
    buf_clear(&pass->untold);
    return 0;
}

int64_t pass_age(const struct pass *pass, int64_t mtime)
{
    return (pass->began - mtime) / NS;
}

bool pass_is_old(const struct pass *pass, const struct stat *st, int64_t grace)
{
    return fs_mtime(st) < pass_before(pass, grace);
}

void pass_waits(struct pass *pass, int64_t mtime, int64_t grace)
{
    int64_t *until = &pass->totals->waiting.until;
    int64_t over = mtime + grace * NS + pass->late;

    if (over > *until)
        *until = over;
}

int64_t pass_before(const struct pass *pass, int64_t grace)
{
    return grace < 0 ? INT64_MIN : pass->began - pass->late - grace * NS;
}
