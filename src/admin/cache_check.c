/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth cache check`. */
#include "admin/command.h"
#include "admin/open.h"
#include "base/amount.h"
#include "cache/verdict.h"
#include "cli/output.h"

#include <string.h>

static const struct {
    const char *word, *text;
} nexts[] = {
    [VERDICT_OURS] = {"ours", "it is looked for here alone: no upstream has that name"},
    [VERDICT_EXCLUDED] = {"excluded", "it is answered with 404: only and except leave it out"},
    [VERDICT_HERE] = {"here", "it is served from here, and nobody is asked"},
    [VERDICT_UNKNOWN] = {"unknown",
                         "404 for a moment: the upstream has just said that there is none"},
    [VERDICT_PAUSED] = {"paused", "the upstream is left alone; what is here is served"},
    [VERDICT_ASKED] = {"asked", "the upstream is asked"},
};

static void print_text(const struct cache_verdict *verdict, const char *reference, struct buf *out)
{
    const struct upstream *upstream = verdict->origin.upstream;
    char age[AMOUNT_TEXT];

    buf_addf(out, "name      %s, %s\n", verdict->name.s, reference);
    if (upstream)
        buf_addf(out, "upstream  %s, %s:%d\nthere     %s, at %s\n", upstream->title,
                 upstream->place.file, upstream->place.line, verdict->origin.remote.s,
                 upstream->urls.v[0]);
    buf_addf(out, "here      %s\n", verdict->has ? verdict->digest.s : "nothing");
    if (verdict->age >= 0) {
        amount_age(age, verdict->age);
        buf_addf(out, "asked     %s ago\n", age);
    }
    if (verdict->pause > 0) {
        amount_age(age, verdict->pause);
        buf_addf(out, "paused    for %s: %s\n", age, verdict->why.s);
    }
    buf_addf(out, "a pull    %s\n", nexts[verdict->next].text);
}

static void print_json(const struct cache_verdict *verdict, const char *reference,
                       struct json_writer *json)
{
    const struct upstream *upstream = verdict->origin.upstream;

    json_writer_string(json, "repository", verdict->name.s);
    json_writer_string(json, "reference", reference);
    json_writer_string(json, "upstream", upstream ? upstream->title : NULL);
    json_writer_string(json, "there", upstream ? verdict->origin.remote.s : NULL);
    json_writer_string(json, "digest", verdict->has ? verdict->digest.s : NULL);
    if (verdict->age >= 0)
        json_writer_number(json, "age", verdict->age);
    if (verdict->pause > 0)
        json_writer_number(json, "pause", verdict->pause);
    json_writer_string(json, "next", nexts[verdict->next].word);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct opened opened;
    struct name name;
    struct reference reference;
    struct cache_verdict verdict = {.why = BUF_INIT};
    AUTO_OUTPUT out = OUTPUT_INIT;

    if (reference_parse_full(&name, &reference, args[0], err) < 0 ||
        open_store(options, false, &opened, err) < 0)
        return -1;
    int result =
        verdict_of(&opened.store, &opened.conf.live.upstreams, &name, &reference, &verdict, err);
    if (result == 0) {
        output_begin(&out, options->json);
        if (options->json)
            print_json(&verdict, reference_text(&reference), out.json);
        else
            print_text(&verdict, reference_text(&reference), &out.text);
        result = output_end(&out, err);
    }
    buf_free(&verdict.why);
    open_close(&opened);
    return result;
}

const struct command cache_check_command = {
    .name = "cache check",
    .arguments = "REPOSITORY[:TAG|@DIGEST]",
    .summary = "say what a pull through the cache would do, and why",
    .args_min = 1,
    .args_max = 1,
    .size = sizeof(struct options_common),
    .run = run,
};
