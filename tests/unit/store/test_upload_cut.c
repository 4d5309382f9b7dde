/* SPDX-License-Identifier: Apache-2.0
 * store/upload.c: what is left of a session after a power cut. */
#include "config.h"

#include "unit/unit.h"

#include "base/fs_boot.h"
#include "store/upload.h"
#include "unit/trace.h"

#include <stdio.h>

/* The linker (--wrap) leads upload.c here when it asks which run of the kernel it is; "" where
 * nobody says. */
#define HERE "01234567-89ab-cdef-0123-456789abcdef"
static char boot_now[UUID_SIZE] = HERE;
int __wrap_fs_boot(const struct fs_root *root, char id[UUID_SIZE]);

int __wrap_fs_boot(const struct fs_root *root, char id[UUID_SIZE])
{
    (void)root;
    memcpy(id, boot_now, UUID_SIZE);
    return boot_now[0] != '\0';
}

static void set_boot(const char *id)
{
    snprintf(boot_now, sizeof boot_now, "%s", id);
}

/* As POST and PATCH leave it. */
static void leave(const struct store *store, const char *text, char id[UUID_SIZE])
{
    const struct name name = unit_name("a");
    AUTO_UPLOAD upload = {.fd = -1};

    assert_returns(0, upload_create(store, &name, "", DIGEST_SHA256, &upload, &failure));
    assert_returns(0, upload_save(&upload, &failure));
    assert_returns(0, upload_write(&upload, text, strlen(text), &failure));
    assert_returns(0, upload_save(&upload, &failure));
    memcpy(id, upload.id, UUID_SIZE);
}

/* Whoever goes on believes the hash for as long as the kernel keeps the bytes. After a power cut
 * the file may hold others, and is read. */
static void test_after_a_power_cut_the_bytes_are_read_again(void **state)
{
    static const char *const cuts[] = {"fedcba98-89ab-cdef-0123-456789abcdef", ""};
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest expected = unit_digest_of("jello");

    for (size_t i = 0; i < LENGTH_OF(cuts); i++) {
        AUTO_UPLOAD upload;
        struct digest actual;
        char id[UUID_SIZE], data[200];
        leave(store, "hello", id);
        snprintf(data, sizeof data, "repositories/a/_uploads/%s/data", id);
        unit_put(store->path, data, "jello");
        set_boot(cuts[i]);
        assert_returns(0, upload_open(store, &name, id, "", &upload, &failure));
        assert_int_equal(5, upload.offset);
        assert_returns(0, upload_digest(&upload, DIGEST_SHA256, &actual, &failure));
        assert_string_equal(expected.s, actual.s);
        set_boot(HERE);
    }
}

static void leave_traced(struct store *store)
{
    char id[UUID_SIZE];

    store->fs.durable = true;
    trace_start(store->path);
    leave(store, "hello", id);
    trace_stop();
}

static void test_a_session_syncs_nothing(void **state)
{
    leave_traced(*state);
    assert_true(trace_rename_to("/state", -1) >= 0);
    assert_int_equal(0, trace_count_fsync());
}

/* Nobody knows of it yet, who could see a file half-written. */
static void test_a_new_session_renames_nothing(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_UPLOAD upload = {.fd = -1};

    trace_start(store->path);
    assert_returns(0, upload_create(store, &name, "", DIGEST_SHA256, &upload, &failure));
    assert_returns(0, upload_save(&upload, &failure));
    trace_stop();
    assert_true(trace_rename_to("/startedat", -1) < 0 && trace_rename_to("/state", -1) < 0);
}

/* A file server may end while this machine goes on. */
static void test_the_bytes_on_a_file_server_are_durable_before_their_state(void **state)
{
    set_boot("");
    leave_traced(*state);
    set_boot(HERE);
    assert_int_equal(1, trace_count_fsync());
    int data = trace_fsync("/data", -1);
    assert_true(data >= 0);
    assert_true(trace_rename_to("/state", data) > data);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_after_a_power_cut_the_bytes_are_read_again),
        STORE_TEST(test_a_session_syncs_nothing),
        STORE_TEST(test_a_new_session_renames_nothing),
        STORE_TEST(test_the_bytes_on_a_file_server_are_durable_before_their_state),
    };

    return RUN(tests);
}
