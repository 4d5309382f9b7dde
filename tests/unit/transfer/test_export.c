/* SPDX-License-Identifier: Apache-2.0
 * transfer/export.c, to an output of its own kind, which keeps to what output.h says and checks
 * that it is called so */
#include "unit/registry/content.h"

#include "store/blob.h"
#include "store/layout.h"
#include "transfer/export.h"
#include "transfer/export_select.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARCHITECTURES = 2, CONTENTS_MAX = 32 };

/* Who called the library. */
struct caller {
    pthread_t thread;
    size_t asked, stop_at; /* stop_at: which time he says yes; 0: never */
    int choice;
    size_t n_choices;
    char question[256], notes[512];
    size_t looked;
    int64_t done, total;
};

static void note(void *context, const char *text)
{
    struct caller *caller = context;
    size_t len = strlen(caller->notes);

    assert_true(pthread_equal(caller->thread, pthread_self()));
    snprintf(caller->notes + len, sizeof caller->notes - len, "%s\n", text);
}

static int choose(void *context, const char *question, const struct strings *choices)
{
    struct caller *caller = context;

    assert_true(pthread_equal(caller->thread, pthread_self()));
    snprintf(caller->question, sizeof caller->question, "%s", question);
    caller->n_choices = choices->n;
    return caller->choice;
}

static bool stop(void *context)
{
    struct caller *caller = context;

    assert_true(pthread_equal(caller->thread, pthread_self()));
    return ++caller->asked == caller->stop_at;
}

static void count_items(void *context, const char *what, int64_t done, int64_t total)
{
    struct caller *caller = context;

    assert_true(pthread_equal(caller->thread, pthread_self()));
    assert_string_equal("looking", what);
    assert_int_equal(-1, total);
    assert_true((size_t)done > caller->looked);
    caller->looked = (size_t)done;
}

static void count_bytes(void *context, const char *what, int64_t done, int64_t total)
{
    struct caller *caller = context;

    assert_true(pthread_equal(caller->thread, pthread_self()));
    assert_string_equal("exporting", what);
    assert_true(done > caller->done && done <= total);
    caller->done = done;
    caller->total = total;
}

enum step { NEW, BEGUN, SKIPPED, FILE_OPEN, BYTES, ENDED, FINISHED, FAILED, STEPS };

/* What lives longer than the output that fills it. */
struct log {
    struct output_kind kind;
    enum step step, fails; /* fails: the step that does; NEW: none */
    struct digest there;   /* is there already; "": nothing is */
    struct digest written[CONTENTS_MAX];
    bool is_manifest[CONTENTS_MAX];
    size_t n, roots;
    int64_t bytes;
    bool closed;
};

struct memory {
    struct output base;
    struct log *log;
    struct export_plan_content content;
    struct buf body;
};

static int go_to(struct output *output, enum step step, struct err *err)
{
    struct log *log = ((struct memory *)output)->log;

    assert_false(log->closed);
    assert_int_not_equal(FAILED, log->step);
    log->step = log->fails == step ? FAILED : step;
    if (log->step != FAILED)
        return 0;
    err_set(err, ERR_NO_SPACE, "full");
    return output_failed(output, err);
}

static int begin(struct output *output, const struct export_plan *plan, struct err *err)
{
    assert_int_equal(NEW, ((struct memory *)output)->log->step);
    assert_true(plan->n_contents > 0);
    return go_to(output, BEGUN, err);
}

static bool has(const struct log *log, const struct digest *digest)
{
    for (size_t i = 0; i < log->n; i++)
        if (digest_equal(&log->written[i], digest))
            return true;
    return false;
}

static int file(struct output *output, const struct export_plan_content *content, struct err *err)
{
    struct memory *memory = (struct memory *)output;
    enum step before = memory->log->step;
    struct digest digest;

    assert_true(before == BEGUN || before == ENDED || before == SKIPPED);
    digest_key_unpack(&content->digest, &digest);
    assert_false(has(memory->log, &digest));
    memory->content = *content;
    buf_clear(&memory->body);
    if (!strcmp(digest.s, memory->log->there.s))
        return go_to(output, SKIPPED, err);
    return go_to(output, FILE_OPEN, err) < 0 ? -1 : 1;
}

static int bytes(struct output *output, const void *bytes, size_t len, struct err *err)
{
    struct memory *memory = (struct memory *)output;

    assert_true(memory->log->step == FILE_OPEN || memory->log->step == BYTES);
    buf_add(&memory->body, bytes, len);
    return go_to(output, BYTES, err);
}

/* As a registry does, which refuses a manifest before it has what that names. */
static void check_references(const struct log *log, const struct buf *body)
{
    AUTO_MANIFEST manifest = {0};

    assert_returns(0, manifest_parse(&manifest, body->s, body->len, &failure));
    for (size_t i = 0; i < manifest.n_references; i++)
        assert_true(has(log, &manifest.references[i].digest));
    if (manifest.has_subject)
        assert_true(has(log, &manifest.subject));
}

static int end(struct output *output, struct err *err)
{
    struct memory *memory = (struct memory *)output;
    struct log *log = memory->log;
    struct digest digest;

    assert_int_equal(BYTES, log->step);
    digest_key_unpack(&memory->content.digest, &digest);
    assert_int_equal(memory->content.size, memory->body.len);
    assert_string_equal(digest.s, unit_digest_of(memory->body.s).s);
    if (memory->content.is_manifest && log->kind.order == EXPORT_PLAN_MANIFESTS_LAST)
        check_references(log, &memory->body);
    assert_true(log->n < CONTENTS_MAX);
    log->is_manifest[log->n] = memory->content.is_manifest;
    log->written[log->n++] = digest;
    log->bytes += memory->content.size;
    return go_to(output, ENDED, err);
}

static int finish(struct output *output, const struct export_plan *plan, struct err *err)
{
    struct log *log = ((struct memory *)output)->log;

    assert_true(log->step == ENDED || log->step == SKIPPED);
    if (go_to(output, FINISHED, err) < 0)
        return -1;
    log->roots = plan->n_roots;
    return 0;
}

static void close_memory(struct output *output)
{
    struct memory *memory = (struct memory *)output;

    assert_false(memory->log->closed);
    memory->log->closed = true;
    buf_free(&memory->body);
    free(memory);
}

static struct log log_in(enum export_plan_order order)
{
    return (struct log){.kind = {order, begin, file, bytes, end, finish, close_memory}};
}

/* What an export is made with. */
struct run {
    struct caller caller;
    struct registry registry;
    struct progress items, bytes;
    struct transfer_options options;
    const char *references[4];
    struct export_request request;
    struct export_plan plan;
    struct export_write written;
};

static void prepare(struct run *run, const struct store *store, const char *reference)
{
    *run = (struct run){.caller = {.thread = pthread_self(), .choice = -1}};
    run->registry.store = store;
    run->items = (struct progress){count_items, &run->caller};
    run->bytes = (struct progress){count_bytes, &run->caller};
    run->options = (struct transfer_options){.registry = &run->registry,
                                             .manifest_limit = 1 << 20,
                                             .jobs = 1,
                                             .items = &run->items,
                                             .bytes = &run->bytes,
                                             .context = &run->caller,
                                             .note = note,
                                             .choose = choose,
                                             .stop = stop};
    run->references[0] = reference;
    run->request.references = run->references;
    run->request.n_references = reference != NULL;
    run->request.referrers = true;
    assert_returns(0, platform_parse(&run->request.platform, "linux/amd64", &failure));
    run->plan.options = &run->options;
    run->plan.request = &run->request;
}

static int export_to(struct run *run, struct log *log)
{
    struct memory *memory = output_new(sizeof *memory, &log->kind, "memory");

    memory->log = log;
    memory->body = (struct buf)BUF_INIT;
    int result = export_run(&run->plan, &memory->base, &run->written, &failure);
    output_close(&memory->base);
    assert_true(log->closed);
    return result;
}

/* An image with a layer, that docker could load too. */
static struct digest have_app(const struct store *store, const char *repository, const char *tag,
                              const char *layer_text)
{
    struct digest config = have_blob(store, repository, "{}");
    struct digest layer = have_blob(store, repository, layer_text);

    return have_manifest(
        store, repository, tag,
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
        "\"digest\":\"%s\",\"size\":2},\"layers\":[{\"mediaType\":"
        "\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\",\"size\":%zu}]}",
        config.s, layer.s, strlen(layer_text));
}

static long size_of(const struct store *store, const struct digest *digest)
{
    int64_t size;

    assert_returns(1, blob_stat(store, digest, &size, &failure));
    return (long)size;
}

static struct digest have_index(const struct store *store, const char *repository, const char *tag,
                                struct digest children[ARCHITECTURES])
{
    children[0] = have_app(store, repository, NULL, "layer of arm64");
    children[1] = have_app(store, repository, NULL, "layer of s390x");
    return have_manifest(
        store, repository, tag,
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
        "\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"digest\":\"%s\",\"size\":%ld,\"platform\":{\"os\":\"linux\",\"architecture\":"
        "\"arm64\"}},{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"digest\":\"%s\",\"size\":%ld,\"platform\":{\"os\":\"linux\",\"architecture\":"
        "\"s390x\"}}]}",
        children[0].s, size_of(store, &children[0]), children[1].s, size_of(store, &children[1]));
}

static struct digest have_signature(const struct store *store, const char *repository,
                                    const struct digest *subject)
{
    struct digest config = have_blob(store, repository, "{}");

    return have_manifest(
        store, repository, NULL,
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"config\":{\"mediaType\":\"type/signature\",\"digest\":\"%s\",\"size\":2},"
        "\"layers\":[],\"subject\":{\"mediaType\":"
        "\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":%ld}}",
        config.s, subject->s, size_of(store, subject));
}

static void test_selects(void **state)
{
    static const struct {
        const char *reference;
        size_t roots, manifests, contents;
    } cases[] = {
        {"app:1", 2, 2, 4}, /* its signature comes along, the configuration is in both */
        {"app:2", 1, 1, 3}, {"app:*", 3, 3, 6},
        {"**", 4, 3, 6}, /* what two repositories have comes once */
        {NULL, 4, 3, 6},
    };
    const struct digest app = have_app(*state, "app", "1", "layer one");
    struct run run;

    have_signature(*state, "app", &app);
    have_app(*state, "app", "2", "layer two");
    have_app(*state, "team/app", "2", "layer two");
    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        prepare(&run, *state, cases[i].reference);
        assert_returns(0, export_select(&run.plan, &failure));
        export_plan_finish(&run.plan, EXPORT_PLAN_MANIFESTS_FIRST);
        assert_int_equal(cases[i].roots, run.plan.n_roots);
        assert_int_equal(cases[i].manifests, run.plan.n_manifests);
        assert_int_equal(cases[i].contents, run.plan.n_contents);
        assert_true(run.caller.looked > 0);
        export_plan_free(&run.plan);
    }
    prepare(&run, *state, "app:1");
    run.request.referrers = false;
    assert_returns(0, export_select(&run.plan, &failure));
    assert_int_equal(1, run.plan.n_roots);
    assert_string_equal("app", run.plan.roots[0].repository);
    assert_string_equal("1", run.plan.roots[0].tag);
    assert_string_equal(app.s, run.plan.roots[0].digest.s);
    assert_true(run.plan.roots[0].is_image);
    export_plan_free(&run.plan);
}

static void test_selects_nothing(void **state)
{
    static const struct {
        const char *reference;
        enum err_code code;
    } cases[] = {{"app:none", ERR_MANIFEST_UNKNOWN},
                 {"other:1", ERR_MANIFEST_UNKNOWN},
                 {"none*", ERR_NOT_FOUND},
                 {"app@sha256:*", ERR_USAGE}};
    struct run run;

    have_app(*state, "app", "1", "layer");
    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        prepare(&run, *state, cases[i].reference);
        assert_int_equal(-1, export_select(&run.plan, &failure));
        assert_int_equal(cases[i].code, failure.code);
        assert_int_equal(0, run.plan.n_roots + run.plan.n_contents);
        export_plan_free(&run.plan);
    }
}

static void test_asks_which_platform(void **state)
{
    struct digest children[ARCHITECTURES];
    struct run run;

    have_index(*state, "app", "1", children);
    prepare(&run, *state, "app:1");
    run.caller.choice = 1;
    assert_returns(0, export_select(&run.plan, &failure));
    assert_string_equal("app:1 has no image for linux/amd64", run.caller.question);
    assert_int_equal(ARCHITECTURES, run.caller.n_choices);
    assert_int_equal(1, run.plan.n_roots);
    assert_string_equal(children[1].s, run.plan.roots[0].digest.s);
    assert_string_equal("linux/s390x", run.plan.roots[0].platform);
    export_plan_free(&run.plan);

    /* Nobody can say, and a number that stands for nothing. */
    for (int choice = -1; choice <= ARCHITECTURES; choice += ARCHITECTURES + 1) {
        prepare(&run, *state, "app:1");
        run.caller.choice = choice;
        assert_fails(NOT_FOUND, export_select(&run.plan, &failure));
        assert_non_null(strstr(failure.msg, "linux/arm64"));
        assert_non_null(strstr(failure.msg, "linux/s390x"));
        assert_string_equal("", run.caller.notes);
        export_plan_free(&run.plan);
    }
}

/* What nobody named is nobody's to choose. */
static void test_notes_what_a_glob_leaves_out(void **state)
{
    struct digest children[ARCHITECTURES];
    struct run run;

    have_index(*state, "app", "1", children);
    have_app(*state, "app", "2", "layer");
    prepare(&run, *state, "app:*");
    run.caller.choice = 0;
    assert_returns(0, export_select(&run.plan, &failure));
    assert_string_equal("", run.caller.question);
    assert_string_equal("app:1 is left out: it has no image for linux/amd64, but for linux/arm64, "
                        "linux/s390x\n",
                        run.caller.notes);
    assert_int_equal(1, run.plan.n_roots);
    export_plan_free(&run.plan);
}

static struct digest have_all(const struct store *store)
{
    struct digest children[ARCHITECTURES];
    struct digest index = have_index(store, "app", "1", children);

    have_signature(store, "app", &index);
    have_signature(store, "app", &children[0]);
    have_app(store, "app", "2", "layer two");
    return index;
}

/* An index, its images, signatures of both; each behind what it names (check_references). */
static void test_blobs_first_manifests_last(void **state)
{
    struct log log = log_in(EXPORT_PLAN_MANIFESTS_LAST);
    struct run run;
    size_t manifests = 0;

    have_all(*state);
    prepare(&run, *state, "app:*");
    run.request.all_platforms = true;
    assert_returns(0, export_to(&run, &log));
    for (size_t i = 0; i < log.n; i++) {
        manifests += log.is_manifest[i];
        assert_true(log.is_manifest[i] || manifests == 0);
    }
    assert_int_equal(6, manifests);
    assert_int_equal(4, log.n - manifests);
    assert_string_equal("", run.caller.question);
    assert_int_equal(FINISHED, log.step);
    assert_int_equal(4, log.roots);
    assert_int_equal(6, run.written.manifests);
    assert_int_equal(4, run.written.blobs);
    assert_int_equal(0, run.written.present);
    assert_int_equal(log.bytes, run.written.bytes);
    assert_int_equal(log.bytes, run.caller.done);
    assert_int_equal(log.bytes, run.caller.total);
    export_plan_free(&run.plan);
}

static void test_manifests_first_sorted(void **state)
{
    struct log log = log_in(EXPORT_PLAN_MANIFESTS_FIRST);
    struct run run;

    have_all(*state);
    prepare(&run, *state, "app:*");
    run.request.all_platforms = true;
    assert_returns(0, export_to(&run, &log));
    assert_int_equal(10, log.n);
    for (size_t i = 0; i < log.n; i++) {
        assert_int_equal(i < 6, log.is_manifest[i]);
        if (i > 0 && i != 6)
            assert_true(strcmp(log.written[i - 1].s, log.written[i].s) < 0);
    }
    export_plan_free(&run.plan);
}

static void test_what_is_there_is_not_read(void **state)
{
    struct log log = log_in(EXPORT_PLAN_MANIFESTS_FIRST);
    struct run run;

    have_app(*state, "app", "1", "layer");
    log.there = unit_digest_of("layer");
    prepare(&run, *state, "app:1");
    assert_returns(0, export_to(&run, &log));
    assert_int_equal(2, log.n);
    assert_int_equal(1, run.written.present);
    assert_int_equal(1, run.written.blobs);
    export_plan_free(&run.plan);
}

static void test_what_others_have_is_left_out(void **state)
{
    struct log log = log_in(EXPORT_PLAN_MANIFESTS_FIRST);
    const struct digest layer = unit_digest_of("layer");
    AUTO_DIGEST_MAP have = {0};
    struct run run;

    have_app(*state, "app", "1", "layer");
    digest_map_put(&have, &layer);
    prepare(&run, *state, "app:1");
    run.request.have = &have;
    assert_returns(0, export_to(&run, &log));
    assert_int_equal(2, log.n);
    assert_int_equal(1, run.plan.left_out);
    assert_int_equal(strlen("layer"), run.plan.left_out_bytes);
    export_plan_free(&run.plan);
}

/* The memory output asserts that nothing but close comes after a step that failed. */
static void test_an_output_that_fails(void **state)
{
    static const enum step steps[] = {BEGUN, FILE_OPEN, BYTES, ENDED, FINISHED};

    have_app(*state, "app", "1", "layer");
    for (size_t i = 0; i < LENGTH_OF(steps); i++) {
        struct log log = log_in(EXPORT_PLAN_MANIFESTS_LAST);
        struct run run;

        log.fails = steps[i];
        prepare(&run, *state, "app:1");
        assert_fails(NO_SPACE, export_to(&run, &log));
        assert_string_equal("memory: full", failure.msg);
        assert_int_equal(FAILED, log.step);
        assert_int_equal(0, log.roots);
        export_plan_free(&run.plan);
    }
}

static void test_damage_does_not_end(void **state)
{
    struct log log = log_in(EXPORT_PLAN_MANIFESTS_LAST);
    const struct store *store = *state;
    const struct digest layer = unit_digest_of("layer");
    struct layout_path path;
    struct run run;

    have_app(store, "app", "1", "layer");
    unit_put(store->path, layout_blob(&path, &layer), "LAYER");
    prepare(&run, store, "app:1");
    assert_fails(IO, export_to(&run, &log));
    assert_non_null(strstr(failure.msg, layer.s));
    assert_non_null(strstr(failure.msg, "berth fsck --repair"));
    assert_int_equal(BYTES, log.step);
    assert_false(has(&log, &layer));
    export_plan_free(&run.plan);

    unit_put(store->path, layout_blob(&path, &layer), "longer than it was");
    prepare(&run, store, "app:1");
    assert_fails(IO, export_select(&run.plan, &failure));
    export_plan_free(&run.plan);
}

/* Whenever it is asked: what was begun is not finished, so that nothing is named. */
static void test_stops_at_each_call(void **state)
{
    size_t stop_at = 0;
    int result = -1;

    have_all(*state);
    while (result < 0) {
        struct log log = log_in(EXPORT_PLAN_MANIFESTS_LAST);
        struct run run;

        prepare(&run, *state, "app:*");
        run.request.all_platforms = true;
        run.caller.stop_at = ++stop_at;
        err_set(&failure, ERR_INTERNAL, "none");
        result = export_to(&run, &log);
        export_plan_free(&run.plan);
        if (result == 0) {
            assert_int_equal(run.caller.asked, stop_at - 1);
            break;
        }
        assert_int_equal(ERR_IO, failure.code);
        assert_string_equal("interrupted", failure.msg);
        assert_int_equal(stop_at, run.caller.asked); /* and it is not asked again */
        assert_int_not_equal(FINISHED, log.step);
        assert_int_equal(0, log.roots);
    }
    /* Each content at least twice, before it and in it, and once when it was planned. */
    assert_true(stop_at > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_selects),
        STORE_TEST(test_selects_nothing),
        STORE_TEST(test_asks_which_platform),
        STORE_TEST(test_notes_what_a_glob_leaves_out),
        STORE_TEST(test_blobs_first_manifests_last),
        STORE_TEST(test_manifests_first_sorted),
        STORE_TEST(test_what_is_there_is_not_read),
        STORE_TEST(test_what_others_have_is_left_out),
        STORE_TEST(test_an_output_that_fails),
        STORE_TEST(test_damage_does_not_end),
        STORE_TEST(test_stops_at_each_call),
    };

    return RUN(tests);
}
