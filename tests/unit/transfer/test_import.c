/* SPDX-License-Identifier: Apache-2.0
 * transfer/import.c, from a source of its own kind, which has what source.h
 * asks for, checks that it is asked so, and may lie and fail */
#include "unit/registry/content.h"

#include "oci/digester.h"
#include "pack/archive.h"
#include "store/repo.h"
#include "transfer/import.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILES_MAX = 16, MANIFEST_LIMIT = 4096, LAYER_SIZE = 300000 };

#define OCI "application/vnd.oci.image."

/* Who called the library. */
struct caller {
    pthread_t thread;
    size_t asked, stop_at; /* stop_at: which time he says yes; 0: never */
    char notes[1024];
    int64_t at, total;
    size_t done;
    struct import_done last;
    char target[sizeof(struct name) + sizeof(struct tag)];
};

static struct caller *caller_of(void *context)
{
    struct caller *caller = context;

    assert_true(pthread_equal(caller->thread, pthread_self()));
    return caller;
}

static void note(void *context, const char *text)
{
    struct caller *caller = caller_of(context);
    size_t len = strlen(caller->notes);

    snprintf(caller->notes + len, sizeof caller->notes - len, "%s\n", text);
}

static bool stop(void *context)
{
    struct caller *caller = caller_of(context);

    return ++caller->asked == caller->stop_at;
}

static void count_bytes(void *context, const char *what, int64_t done, int64_t total)
{
    struct caller *caller = caller_of(context);

    assert_string_equal("importing", what);
    assert_true(done > caller->at && done <= total);
    caller->at = done;
    caller->total = total;
}

static void say_done(void *context, const struct import_done *done)
{
    struct caller *caller = caller_of(context);

    caller->done++;
    caller->last = *done;
    snprintf(caller->target, sizeof caller->target, "%s:%s", done->targets[0].name.s,
             done->targets[0].tag.s);
}

struct shelf_file {
    char name[160];
    char *bytes;
    size_t len;
    int64_t said; /* how long it is said to be */
};

/* What lives longer than the source that reads it. */
struct shelf {
    struct shelf_file v[FILES_MAX];
    size_t n;
    size_t calls, fails_at; /* which call fails; 0: none */
    size_t reads;
    long open; /* files */
    bool loaded, closed;
};

struct memory {
    struct source base;
    struct shelf *shelf;
};

/* An open file; its bytes are asked for in order. */
struct reading {
    const struct shelf_file *file;
    int64_t at;
};

static int call(struct source *source, struct err *err)
{
    struct shelf *shelf = ((struct memory *)source)->shelf;

    assert_false(shelf->closed);
    assert_true(shelf->fails_at == 0 || shelf->calls < shelf->fails_at);
    if (++shelf->calls == shelf->fails_at)
        return err_set(err, ERR_IO, "memory: out of order");
    return 0;
}

static int load(struct source *source, const struct transfer_options *options, struct err *err)
{
    struct shelf *shelf = ((struct memory *)source)->shelf;

    assert_false(shelf->loaded);
    assert_int_equal(MANIFEST_LIMIT, options->manifest_limit);
    shelf->loaded = true;
    return call(source, err);
}

static struct shelf_file *file_named(struct shelf *shelf, const char *name)
{
    for (size_t i = 0; i < shelf->n; i++)
        if (!strcmp(shelf->v[i].name, name))
            return &shelf->v[i];
    return NULL;
}

static int find(struct source *source, const char *name, struct source_file *file, struct err *err)
{
    struct shelf *shelf = ((struct memory *)source)->shelf;

    assert_true(shelf->loaded);
    if (call(source, err) < 0)
        return -1;
    const struct shelf_file *found = file_named(shelf, name);
    if (!found)
        return 0;
    struct reading *reading = calloc(1, sizeof *reading);
    assert_non_null(reading);
    reading->file = found;
    file->own = reading;
    file->size = found->said;
    shelf->open++;
    return 1;
}

static int read_at(const struct source_file *file, int64_t at, void *bytes, size_t len,
                   struct err *err)
{
    struct reading *reading = file->own;
    bool is_saved = strstr(reading->file->name, "layer.tar") != NULL;

    ((struct memory *)file->source)->shelf->reads++;
    assert_true(at == reading->at || (is_saved && at == 0));
    assert_true(len > 0 && at + (int64_t)len <= file->size);
    assert_true((size_t)at + len <= reading->file->len);
    if (call(file->source, err) < 0)
        return -1;
    memcpy(bytes, reading->file->bytes + at, len);
    reading->at = at + (int64_t)len;
    return 0;
}

static void close_file(struct source_file *file)
{
    ((struct memory *)file->source)->shelf->open--;
    free(file->own);
}

static int each(struct source *source, const char *below, source_visit_fn *visit, void *context,
                struct err *err)
{
    struct shelf *shelf = ((struct memory *)source)->shelf;
    size_t len = strlen(below);

    if (call(source, err) < 0)
        return -1;
    for (size_t i = 0; i < shelf->n; i++) {
        const char *name = shelf->v[i].name;
        if (len > 0 && (strncmp(name, below, len) != 0 || name[len] != '/'))
            continue;
        int enough = visit(context, name, err);
        if (enough)
            return enough;
    }
    return 0;
}

static void close_memory(struct source *source)
{
    struct memory *memory = (struct memory *)source;

    assert_false(memory->shelf->closed);
    memory->shelf->closed = true;
    free(memory);
}

static const struct source_kind kind = {load, find, read_at, close_file, each, close_memory};

static struct shelf_file *put(struct shelf *shelf, const char *name, const char *bytes, size_t len)
{
    struct shelf_file *file = &shelf->v[shelf->n++];

    assert_true(shelf->n <= FILES_MAX);
    snprintf(file->name, sizeof file->name, "%s", name);
    file->bytes = malloc(len + 1);
    assert_non_null(file->bytes);
    memcpy(file->bytes, bytes, len);
    file->bytes[len] = '\0';
    file->len = len;
    file->said = (int64_t)len;
    return file;
}

static const char *name_of(const struct digest *digest)
{
    static char name[160];

    snprintf(name, sizeof name, "blobs/sha256/%s", digest_hex(digest));
    return name;
}

static struct digest put_blob(struct shelf *shelf, const char *text)
{
    struct digest digest = unit_digest_of(text);

    if (!file_named(shelf, name_of(&digest)))
        put(shelf, name_of(&digest), text, strlen(text));
    return digest;
}

static void empty(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->n; i++)
        free(shelf->v[i].bytes);
    *shelf = (struct shelf){0};
}

/* An image of the layer, and its signature, whose manifest index.json need not
 * name. */
static struct digest put_app(struct shelf *shelf, const char *layer_text, size_t *size)
{
    struct digest config = put_blob(shelf, "{}"), layer = put_blob(shelf, layer_text);
    char text[1024];

    *size = (size_t)snprintf(text, sizeof text,
                             "{\"schemaVersion\":2,\"mediaType\":\"" OCI
                             "manifest.v1+json\",\"config\":{\"mediaType\":"
                             "\"" OCI "config.v1+json\",\"digest\":\"%s\","
                             "\"size\":2},\"layers\":[{\"mediaType\":"
                             "\"" OCI "layer.v1.tar\",\"digest\":\"%s\",\"size\":%zu}]}",
                             config.s, layer.s, strlen(layer_text));
    struct digest app = put_blob(shelf, text);
    snprintf(text, sizeof text,
             "{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"config\":"
             "{\"mediaType\":\"type/"
             "signature\",\"digest\":\"%s\",\"size\":2},\"layers\":[],"
             "\"subject\":{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"%s\","
             "\"size\":%zu}}",
             config.s, app.s, *size);
    put_blob(shelf, text);
    return app;
}

/* A layout of app:1 and app:2, as `berth export` names them. */
static void put_layout(struct shelf *shelf, struct digest apps[2])
{
    char text[2048];
    size_t sizes[2];

    apps[0] = put_app(shelf, "layer one", &sizes[0]);
    apps[1] = put_app(shelf, "layer two", &sizes[1]);
    int len = snprintf(text, sizeof text, "{\"schemaVersion\":2,\"manifests\":[");
    for (int i = 0; i < 2; i++)
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "%s{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"%s\",\"size\":"
                        "%zu,\"annotations\":{\"dev.berth.repository\":\"app\","
                        "\"org.opencontainers.image.ref.name\":\"%d\"}}",
                        i ? "," : "", apps[i].s, sizes[i], i + 1);
    snprintf(text + len, sizeof text - (size_t)len, "]}");
    put(shelf, "index.json", text, strlen(text));
}

/* An archive of docker save: app:1, with one layer. */
static void put_saved(struct shelf *shelf)
{
    static const char manifest[] = "[{\"Config\":\"config.json\",\"RepoTags\":[\"app:1\"],"
                                   "\"Layers\":[\"1/layer.tar\"]}]";
    struct archive_writer writer;
    FILE *file = tmpfile();
    static char bytes[2 * LAYER_SIZE];
    char config[256];

    assert_non_null(file);
    for (size_t i = 0; i < LAYER_SIZE; i++)
        bytes[i] = (char)('a' + i * i % 23);
    assert_returns(0, archive_writer_open(&writer, fileno(file), ARCHIVE_PLAIN, &failure));
    assert_returns(0, archive_writer_file(&writer, "file", LAYER_SIZE, &failure));
    assert_returns(0, archive_writer_add(&writer, bytes, LAYER_SIZE, &failure));
    assert_returns(0, archive_writer_finish(&writer, &failure));
    archive_writer_free(&writer);
    ssize_t n = pread(fileno(file), bytes, sizeof bytes, 0);
    fclose(file);
    assert_true(n > LAYER_SIZE && n < (ssize_t)sizeof bytes);
    struct digest digest;
    digester_of(&digest, DIGEST_SHA256, bytes, (size_t)n);
    put(shelf, "1/layer.tar", bytes, (size_t)n);
    snprintf(config, sizeof config, "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
             digest.s);
    put(shelf, "config.json", config, strlen(config));
    put(shelf, "manifest.json", manifest, strlen(manifest));
}

static int import_from(const struct store *store, struct shelf *shelf, struct caller *caller)
{
    const struct registry registry = {.store = store};
    const struct progress bytes = {count_bytes, caller};
    const struct transfer_options options = {.registry = &registry,
                                             .manifest_limit = MANIFEST_LIMIT,
                                             .jobs = 3,
                                             .bytes = &bytes,
                                             .context = caller,
                                             .note = note,
                                             .stop = stop};
    const struct import_request request = {.compress = COMPRESS_GZIP};
    struct import *import = import_new(&options, &request, say_done, caller);
    struct memory *memory = source_new(sizeof *memory, &kind, "memory");

    caller->thread = pthread_self();
    shelf->loaded = shelf->closed = false;
    shelf->calls = shelf->reads = 0;
    memory->shelf = shelf;
    int result = import_source(import, &memory->base, &failure);
    source_close(&memory->base);
    import_free(import);
    assert_int_equal(0, shelf->open);
    return result;
}

/* Nothing half done is left of what failed. */
static void check_rest(const struct store *store)
{
    static const char uploads[] = "repositories/app/_uploads";

    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    if (unit_exists(store->path, uploads))
        assert_int_equal(0, unit_count(store->path, uploads));
}

static void test_layout(void **state)
{
    struct caller caller = {0};
    struct shelf shelf = {0};
    struct digest apps[2];
    const struct name app = unit_name("app");

    put_layout(&shelf, apps);
    assert_returns(0, import_from(*state, &shelf, &caller));
    assert_string_equal(apps[0].s, tag_digest(*state, "app", "1"));
    assert_string_equal(apps[1].s, tag_digest(*state, "app", "2"));
    assert_int_equal(2, caller.done);
    assert_string_equal("app:2", caller.target);
    assert_int_equal(1, caller.last.n_targets);
    assert_int_equal(1, caller.last.n_images);
    assert_int_equal(1, caller.last.n_layers);
    assert_int_equal(1, caller.last.n_referrers);
    /* The configuration came with the first image. */
    assert_int_equal(caller.last.size - 2, caller.last.new_size);
    assert_string_equal("", caller.notes);
    assert_true(caller.at > 0);
    for (size_t i = 0; i < shelf.n; i++)
        if (strstr(shelf.v[i].bytes, "\"subject\"")) {
            struct digest signature = unit_digest_of(shelf.v[i].bytes);
            assert_returns(1, repo_has_revision(*state, &app, &signature, &failure));
        }
    check_rest(*state);

    caller = (struct caller){0};
    assert_returns(0, import_from(*state, &shelf, &caller));
    assert_int_equal(2, caller.done);
    assert_int_equal(0, caller.last.new_size);
    empty(&shelf);
}

/* Layers are compressed by threads, which call nobody: caller_of would notice.
 */
static void test_saved(void **state)
{
    struct caller caller = {0};
    struct shelf shelf = {0};

    put_saved(&shelf);
    assert_returns(0, import_from(*state, &shelf, &caller));
    assert_int_equal(1, caller.done);
    assert_string_equal("app:1", caller.target);
    assert_string_equal(caller.last.digest.s, tag_digest(*state, "app", "1"));
    assert_true(caller.last.size < LAYER_SIZE);
    assert_true(caller.at > LAYER_SIZE);
    empty(&shelf);
}

/* What is said to be done is there, the rest is not; in the end it is all the
 * same. */
static void stops(const struct store *store, struct shelf *shelf)
{
    int result = -1;
    bool had_first = false;
    size_t stop_at = 0;

    while (result < 0) {
        struct caller caller = {.stop_at = ++stop_at};

        err_set(&failure, ERR_INTERNAL, "none");
        result = import_from(store, shelf, &caller);
        if (result == 0)
            break;
        assert_int_equal(ERR_IO, failure.code);
        assert_non_null(strstr(failure.msg, "interrupted"));
        assert_int_equal(stop_at, caller.asked);
        had_first = had_first || caller.done > 0;
        assert_int_equal(had_first, *tag_digest(store, "app", "1") != '\0');
        if (caller.done < 2)
            assert_string_equal("", tag_digest(store, "app", "2"));
        check_rest(store);
    }
    assert_true(stop_at > 3);
    assert_string_not_equal("", tag_digest(store, "app", "1"));
}

static void test_stops_at_each_call(void **state)
{
    struct shelf shelf = {0};
    struct digest apps[2];

    put_layout(&shelf, apps);
    stops(*state, &shelf);
    assert_string_equal(apps[1].s, tag_digest(*state, "app", "2"));
    empty(&shelf);
    unit_store_remove(state);
    unit_store_make(state);
    put_saved(&shelf);
    stops(*state, &shelf);
    empty(&shelf);
}

/* The source asserts that nothing but close comes behind a call that failed. */
static void test_a_source_that_fails(void **state)
{
    struct shelf shelf = {0};
    struct digest apps[2];
    int result = -1;

    put_layout(&shelf, apps);
    for (size_t i = 1; result < 0; i++) {
        struct caller caller = {0};
        bool had_first = *tag_digest(*state, "app", "1") != '\0';

        shelf.fails_at = i;
        err_set(&failure, ERR_INTERNAL, "none");
        result = import_from(*state, &shelf, &caller);
        if (result == 0)
            break;
        assert_int_equal(ERR_IO, failure.code);
        assert_non_null(strstr(failure.msg, "memory: out of order"));
        assert_int_equal(had_first || caller.done > 0, *tag_digest(*state, "app", "1") != '\0');
        assert_string_equal("", tag_digest(*state, "app", "2"));
        check_rest(*state);
    }
    assert_true(shelf.fails_at > 20);
    empty(&shelf);
}

enum lie { OTHER_BYTES, SHORTER, LONGER, GONE };

static void lie_about(struct shelf_file *file, enum lie lie)
{
    switch (lie) {
    case OTHER_BYTES:
        file->bytes[1] ^= 1;
        break;
    case SHORTER:
        file->said--;
        break;
    case LONGER:
        file->said = (int64_t)1 << 40; /* and it is not read to find out */
        break;
    case GONE:
        file->name[0] = '-';
    }
}

static void test_a_source_that_lies(void **state)
{
    static const struct {
        bool is_layer; /* else the manifest */
        enum lie lie;
        enum err_code code;
        const char *text;
    } cases[] = {
        {true, OTHER_BYTES, ERR_DIGEST_INVALID, "is damaged: its content has another digest"},
        {true, SHORTER, ERR_SIZE_INVALID, "has 8 bytes, not 9"},
        {true, LONGER, ERR_SIZE_INVALID, "has 1099511627776 bytes, not 9"},
        {true, GONE, ERR_BLOB_UNKNOWN, "1 parts of "},
        {false, OTHER_BYTES, ERR_DIGEST_INVALID, "is damaged: it has the digest "},
        {false, SHORTER, ERR_DIGEST_INVALID, "is damaged: it has the digest "},
        {false, LONGER, ERR_ARCHIVE_INVALID, "more than 4096"},
        {false, GONE, ERR_BLOB_UNKNOWN, "1 parts of "},
    };
    const struct digest layer = unit_digest_of("layer one");

    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        struct caller caller = {0};
        struct shelf shelf = {0};
        struct digest apps[2];

        put_layout(&shelf, apps);
        lie_about(file_named(&shelf, name_of(cases[i].is_layer ? &layer : &apps[0])), cases[i].lie);
        assert_int_equal(-1, import_from(*state, &shelf, &caller));
        assert_int_equal(cases[i].code, failure.code);
        assert_non_null(strstr(failure.msg, cases[i].text));
        assert_int_equal(0, strncmp(failure.msg, "memory: ", 8));
        assert_int_equal(0, caller.done);
        assert_string_equal("", tag_digest(*state, "app", "1"));
        if (cases[i].lie == GONE)
            assert_non_null(strstr(caller.notes, "neither in memory nor in the store:\n  sha256:"));
        else
            assert_string_equal("", caller.notes);
        check_rest(*state);
        empty(&shelf);
    }
}

static void test_documents_that_are_too_long(void **state)
{
    static const char *const names[] = {"index.json", "manifest.json"};

    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        struct caller caller = {0};
        struct shelf shelf = {0};

        put(&shelf, names[i], "{}", 2)->said = (32 << 20) + 1;
        assert_fails(ARCHIVE_INVALID, import_from(*state, &shelf, &caller));
        assert_non_null(strstr(failure.msg, names[i]));
        assert_int_equal(0, shelf.reads);
        empty(&shelf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_layout),
        STORE_TEST(test_saved),
        STORE_TEST(test_stops_at_each_call),
        STORE_TEST(test_a_source_that_fails),
        STORE_TEST(test_a_source_that_lies),
        STORE_TEST(test_documents_that_are_too_long),
    };

    return RUN(tests);
}
