/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth retain`: why something stays or goes. */
#include "admin/retain_why.h"

#include "base/amount.h"

#define SECOND ((int64_t)1000000000)

static void add_age(struct buf *out, int64_t nanoseconds)
{
    char age[AMOUNT_TEXT];

    amount_age_short(age, nanoseconds > 0 ? nanoseconds / SECOND : 0);
    buf_addstr(out, age);
}

static void add_place(struct buf *out, const char *separator, const struct settings_place *place)
{
    buf_addf(out, "%s%s:%d", separator, place->file, place->line);
}

static void add_hold(const struct retain_case *the, const struct retain_tag *tag, struct buf *out)
{
    const struct tag name = retain_tag_name(tag);
    struct policy_hold hold;

    if (!policy_holds(the->policy, the->name, &name, &hold))
        return;
    if (hold.pattern)
        buf_addf(out, "immutable = \"%s\"", hold.pattern);
    else
        buf_addstr(out, "readonly");
    add_place(out, ", ", &hold.rule->place);
}

static void add_no_rule(const struct retain_case *the, const struct retain_tag *tag,
                        struct buf *out)
{
    buf_addstr(out, "set ");
    add_age(out, the->history->now - tag->set);
    buf_addstr(out, " ago");
    if (the->section->pulled.text && tag->pulled < 0) {
        buf_addstr(out, ", no pull known for ");
        add_age(out, the->history->now - retain_last_use(the->history, tag));
    } else if (the->section->pulled.text) {
        buf_addstr(out, ", pulled ");
        add_age(out, the->history->now - tag->pulled);
        buf_addstr(out, " ago");
    }
    buf_addstr(out, ": no rule keeps it");
    add_place(out, "; ", &the->section->place);
}

void retain_why_tag(const struct retain_case *the, const struct retain_tag *tag, struct buf *out)
{
    const struct retain_section *section = the->section;

    buf_addstr(out, "");
    switch (tag->reason) {
    case RETAIN_CHANGED:
        buf_addstr(out, "it was changed meanwhile: left to the next run");
        return;
    case RETAIN_IMMUTABLE:
        add_hold(the, tag, out);
        return;
    case RETAIN_SUBJECT:
    case RETAIN_SUBJECT_GOES:
        buf_addf(out, "%s %s", tag->stays ? "belongs to" : "goes with",
                 the->history->manifests[tag->subject].digest.s);
        return;
    case RETAIN_NO_SUBJECT:
        buf_addstr(out, "a signature of what is not in this repository");
        return;
    case RETAIN_NO_RULES:
        buf_addstr(out, "no rule for tags");
        break;
    case RETAIN_TAGS:
        buf_addf(out, "tags = \"%s\"", tag->pattern);
        break;
    case RETAIN_NEWEST:
        buf_addf(out, "newest = %jd", (intmax_t)section->newest);
        break;
    case RETAIN_YOUNGER:
        buf_addf(out, "younger = \"%s\"", section->younger.text);
        break;
    case RETAIN_PULLED:
        buf_addf(out, "pulled = \"%s\"", section->pulled.text);
        break;
    default:
        add_no_rule(the, tag, out);
        return;
    }
    add_place(out, ", ", &section->place);
}

void retain_why_manifest(const struct retain_case *the, const struct retain_manifest *manifest,
                         struct buf *out)
{
    const struct settings_age *untagged = &the->section->untagged;

    if (manifest->reason == RETAIN_CHANGED) {
        buf_addstr(out, "it was changed meanwhile: left to the next run");
        return;
    }
    if (manifest->reason == RETAIN_BELONGS || manifest->reason == RETAIN_SUBJECT_GOES) {
        buf_addf(out, "%s %s", manifest->stays ? "belongs to" : "goes with",
                 the->history->manifests[manifest->owner].digest.s);
        return;
    }
    if (manifest->reason == RETAIN_LOST_TAG) {
        buf_addstr(out, "loses its last tag");
    } else {
        buf_addstr(out, "no tag for ");
        add_age(out, the->history->now - manifest->since);
    }
    if (untagged->text) {
        buf_addf(out, ": untagged = \"%s\"", untagged->text);
        add_place(out, ", ", &the->section->place);
    } else {
        buf_addf(out, ": grace = %jd", (intmax_t)the->conf->frozen.store.grace);
    }
}

const char *retain_why_rule(enum retain_reason reason)
{
    switch (reason) {
    case RETAIN_CHANGED:
        return "changed";
    case RETAIN_IMMUTABLE:
        return "immutable";
    case RETAIN_TAGS:
        return "tags";
    case RETAIN_NEWEST:
        return "newest";
    case RETAIN_YOUNGER:
        return "younger";
    case RETAIN_PULLED:
        return "pulled";
    case RETAIN_SUBJECT:
    case RETAIN_SUBJECT_GOES:
        return "subject";
    case RETAIN_BELONGS:
        return "owner";
    case RETAIN_LOST_TAG:
    case RETAIN_UNTAGGED:
        return "untagged";
    default:
        return NULL;
    }
}
