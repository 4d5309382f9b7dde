/* SPDX-License-Identifier: Apache-2.0
 * transfer/output_directory.c, output_tar.c: what they write, the sources of these kinds read */
#include "unit/registry/content.h"

#include "transfer/export.h"
#include "transfer/import.h"
#include "transfer/output_directory.h"
#include "transfer/output_tar.h"
#include "transfer/source_open.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define OCI "application/vnd.oci.image."

static bool count_down(void *context)
{
    size_t *left = context;

    return *left > 0 && --*left == 0;
}

static void ignore(void *context, const struct import_done *done)
{
    (void)context;
    assert_int_equal(1, done->n_targets);
}

static struct digest have_app(const struct store *store, const char *tag, const char *layer_text)
{
    struct digest config = have_blob(store, "app", "{}"),
                  layer = have_blob(store, "app", layer_text);

    return have_manifest(store, "app", tag,
                         "{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\","
                         "\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"%s\","
                         "\"size\":2},\"layers\":[{\"mediaType\":\"" OCI "layer.v1.tar\","
                         "\"digest\":\"%s\",\"size\":%zu}]}",
                         config.s, layer.s, strlen(layer_text));
}

/* stop_at: which time that it asks it is to stop; 0: never. The output is closed. */
static int export_into(const struct store *store, const char *reference, struct output *output,
                       size_t stop_at, struct export_write *written)
{
    const struct registry registry = {.store = store};
    const struct transfer_options options = {.registry = &registry,
                                             .manifest_limit = 1 << 20,
                                             .jobs = 1,
                                             .context = &stop_at,
                                             .stop = count_down};
    const struct export_request request = {.references = &reference, .n_references = 1};
    AUTO_EXPORT_PLAN plan = {.options = &options, .request = &request};

    *written = (struct export_write){0};
    int result = export_run(&plan, output, written, &failure);
    output_close(output);
    return result;
}

static int import_into(const struct store *store, int fd)
{
    const struct registry registry = {.store = store};
    const struct transfer_options options = {
        .registry = &registry, .manifest_limit = 1 << 20, .jobs = 1};
    const struct import_request request = {.compress = COMPRESS_GZIP};
    struct import *import = import_new(&options, &request, ignore, NULL);
    struct source *source;

    assert_returns(0, source_open(&source, fd, "archive", &failure));
    int result = import_source(import, source, &failure);
    source_close(source);
    import_free(import);
    return result;
}

static int open_directory(const struct unit_dir *dir)
{
    int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static int export_to_directory(const struct store *store, const char *reference,
                               const struct unit_dir *dir, size_t stop_at,
                               struct export_write *written)
{
    struct output *output;

    assert_returns(
        0, output_directory_open(&output, open_directory(dir), "out", stop_at % 2, NULL, &failure));
    return export_into(store, reference, output, stop_at, written);
}

static void test_directory(void **state)
{
    const struct digest one = have_app(*state, "1", "layer one");
    const struct digest two = have_app(*state, "2", "layer two");
    struct export_write written;
    void *made, *second;

    unit_dir_make(&made);
    const struct unit_dir *dir = made;
    assert_returns(0, export_to_directory(*state, "app:1", dir, 0, &written));
    assert_int_equal(2, written.blobs);
    assert_int_equal(1, written.manifests);
    assert_content("{\"imageLayoutVersion\":\"1.0.0\"}\n", dir->path, "oci-layout");
    assert_int_equal(3, unit_count(dir->path, "."));
    assert_int_equal(3, unit_count(dir->path, "blobs/sha256"));
    /* It grows. */
    assert_returns(0, export_to_directory(*state, "app:2", dir, 0, &written));
    assert_int_equal(1, written.blobs);
    assert_int_equal(1, written.present);
    assert_int_equal(3, unit_count(dir->path, "."));
    assert_int_equal(5, unit_count(dir->path, "blobs/sha256"));

    unit_store_make(&second);
    assert_returns(0, import_into(second, open_directory(dir)));
    assert_string_equal(one.s, tag_digest(second, "app", "1"));
    assert_string_equal(two.s, tag_digest(second, "app", "2"));
    unit_store_remove(&second);
    unit_dir_remove(&made);
}

static void test_directory_of_two_exports(void **state)
{
    struct output *output, *other;
    struct export_write written;
    void *made;

    have_app(*state, "1", "layer");
    unit_dir_make(&made);
    assert_returns(
        0, output_directory_open(&output, open_directory(made), "out", false, NULL, &failure));
    assert_fails(BUSY,
                 output_directory_open(&other, open_directory(made), "out", false, NULL, &failure));
    assert_string_equal("another export writes to out", failure.msg);
    assert_returns(0, export_into(*state, "app:1", output, 0, &written));
    unit_dir_remove(&made);
}

/* A medium may hold anything. */
static void test_directory_of_something_else(void **state)
{
    struct export_write written;
    void *made, *target;

    have_app(*state, "1", "layer");
    unit_dir_make(&target);
    unit_dir_make(&made);
    const struct unit_dir *dir = made, *elsewhere = target;
    unit_symlink(elsewhere->path, dir->path, "blobs");
    assert_fails(IO, export_to_directory(*state, "app:1", dir, 0, &written));
    assert_int_equal(0, strncmp("out: ", failure.msg, 5));
    assert_int_equal(0, unit_count(elsewhere->path, "."));
    unit_delete(dir->path, "blobs");
    unit_put(dir->path, "index.json", "<html>");
    assert_fails(IO, export_to_directory(*state, "app:1", dir, 0, &written));
    assert_non_null(strstr(failure.msg, "is no image index"));
    assert_content("<html>", dir->path, "index.json");
    unit_dir_remove(&made);
    unit_dir_remove(&target);
}

/* Nothing is named before all is there, and nothing half written stays. */
static void test_directory_stops_at_each_call(void **state)
{
    const struct digest app = have_app(*state, "1", "layer");
    struct export_write written;
    void *made, *second;
    size_t stop_at = 1;

    unit_dir_make(&made);
    const struct unit_dir *dir = made;
    while (export_to_directory(*state, "app:1", dir, stop_at, &written) < 0) {
        assert_int_equal(ERR_IO, failure.code);
        assert_string_equal("interrupted", failure.msg);
        assert_false(unit_exists(dir->path, "index.json"));
        assert_int_equal(unit_exists(dir->path, "blobs"), unit_count(dir->path, "."));
        stop_at++;
    }
    assert_true(stop_at > 6);
    assert_true(unit_exists(dir->path, "index.json"));
    unit_store_make(&second);
    assert_returns(0, import_into(second, open_directory(dir)));
    assert_string_equal(app.s, tag_digest(second, "app", "1"));
    unit_store_remove(&second);
    unit_dir_remove(&made);
}

/* A file, and for PIPE what can hold all of it at once. */
enum { PIPE = ARCHIVE_ZSTD + 1 };

static void test_tar(void **state)
{
    const struct digest one = have_app(*state, "1", "layer one");
    const struct digest two = have_app(*state, "2", "layer two");

    for (int packing = ARCHIVE_PLAIN; packing <= PIPE; packing++) {
        struct export_write written;
        void *made, *second;
        int fds[2];

        unit_dir_make(&made);
        unit_store_make(&second);
        if (packing == PIPE) {
            assert_int_equal(0, pipe(fds));
        } else {
            unit_put(((struct unit_dir *)made)->path, "tar", "");
            fds[0] = open(unit_path(made, "tar"), O_RDONLY | O_CLOEXEC);
            fds[1] = open(unit_path(made, "tar"), O_WRONLY | O_CLOEXEC);
        }
        struct output *output = output_tar_new(
            fds[1], "out", packing == PIPE ? ARCHIVE_PLAIN : (enum archive_packing)packing);
        assert_returns(0, export_into(*state, "app:*", output, 0, &written));
        assert_int_equal(5, written.blobs + written.manifests);
        assert_int_equal(0, close(fds[1])); /* it stayed ours */
        assert_returns(0, import_into(second, fds[0]));
        assert_string_equal(one.s, tag_digest(second, "app", "1"));
        assert_string_equal(two.s, tag_digest(second, "app", "2"));
        unit_store_remove(&second);
        unit_dir_remove(&made);
    }
}

/* What was stopped has no end, and is known by that. */
static void test_tar_stops_at_each_call(void **state)
{
    void *made, *second;
    int result = -1;

    have_app(*state, "1", "layer");
    unit_dir_make(&made);
    unit_store_make(&second);
    for (size_t stop_at = 1; result < 0; stop_at++) {
        struct export_write written;
        int fd = open(unit_path(made, "tar"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        result = export_into(*state, "app:1", output_tar_new(fd, "out", ARCHIVE_PLAIN), stop_at,
                             &written);
        if (result < 0) {
            assert_int_equal(ERR_IO, failure.code);
            assert_string_equal("interrupted", failure.msg);
            assert_int_equal(0, lseek(fd, 0, SEEK_SET));
            assert_fails(ARCHIVE_INVALID, import_into(second, fd));
            assert_string_equal("", tag_digest(second, "app", "1"));
        } else {
            assert_true(stop_at > 6);
            close(fd);
        }
    }
    unit_store_remove(&second);
    unit_dir_remove(&made);
}

/* A descriptor that takes nothing: the output is named. */
static void test_tar_that_cannot_be_written(void **state)
{
    struct export_write written;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    have_app(*state, "1", "layer");
    assert_fails(NO_SPACE, export_into(*state, "app:1", output_tar_new(fd, "out", ARCHIVE_PLAIN), 0,
                                       &written));
    assert_int_equal(0, strncmp("out: ", failure.msg, 5));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_directory),
        STORE_TEST(test_directory_of_two_exports),
        STORE_TEST(test_directory_of_something_else),
        STORE_TEST(test_directory_stops_at_each_call),
        STORE_TEST(test_tar),
        STORE_TEST(test_tar_stops_at_each_call),
        STORE_TEST(test_tar_that_cannot_be_written),
    };

    return RUN(tests);
}
