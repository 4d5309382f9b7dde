/* SPDX-License-Identifier: Apache-2.0
 * store/upload.c: sessions on disk, from one process to the next. */
#include "config.h"

#include "unit/unit.h"

#include "base/fs_lock.h"
#include "base/rfc3339.h"
#include "base/uuid.h"
#include "oci/digester.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* The linker (--wrap) leads upload.c here when it takes a lock: what another process does between
 * its opening of the file and its lock can be done in before_lock. */
int __real_fs_lock_try(int fd, enum fs_lock kind, struct err *err);
int __wrap_fs_lock_try(int fd, enum fs_lock kind, struct err *err);

static void (*before_lock)(void);
static const struct store *racing_store;
static char racing_data[200]; /* path of the upload's data */

int __wrap_fs_lock_try(int fd, enum fs_lock kind, struct err *err)
{
    if (before_lock)
        before_lock();
    before_lock = NULL;
    return __real_fs_lock_try(fd, kind, err);
}

static int create(const struct store *store, const char *user, struct upload *upload)
{
    const struct name name = unit_name("a");

    return upload_create(store, &name, user, DIGEST_SHA256, upload, &failure);
}

static int reopen(const struct store *store, const char *id, const char *user,
                  struct upload *upload)
{
    const struct name name = unit_name("a");

    return upload_open(store, &name, id, user, upload, &failure);
}

static int write_text(struct upload *upload, const char *text)
{
    return upload_write(upload, text, strlen(text), &failure);
}

/* A session with text in it, saved and closed. */
static void leave(const struct store *store, const char *user, const char *text, char id[UUID_SIZE])
{
    AUTO_UPLOAD upload = {.fd = -1};

    assert_returns(0, create(store, user, &upload));
    assert_returns(0, write_text(&upload, text));
    assert_returns(0, upload_save(&upload, &failure));
    memcpy(id, upload.id, UUID_SIZE);
}

static const char *path_of(const char *id, const char *file)
{
    static char path[200];

    snprintf(path, sizeof path, "repositories/a/_uploads/%s%s%s", id, file ? "/" : "",
             file ? file : "");
    return path;
}

static void assert_digest(struct upload *upload, const char *content)
{
    struct digest actual, expected = unit_digest_of(content);

    assert_returns(0, upload_digest(upload, DIGEST_SHA256, &actual, &failure));
    assert_string_equal(expected.s, actual.s);
}

static void test_what_a_session_is_on_disk(void **state)
{
    const struct store *store = *state;
    char id[UUID_SIZE];

    leave(store, "alice", "hello", id);
    assert_content("hello", store->path, path_of(id, "data"));
    char *started = unit_get(store->path, path_of(id, "startedat"));
    assert_non_null(started); /* Distribution's purge reads it */
    assert_int_equal(RFC3339_SIZE - 1, strlen(started));
    free(started);
    char *text = unit_get(store->path, path_of(id, "state"));
    assert_non_null(strstr(text, "user alice\n"));
    assert_non_null(strstr(text, "algorithm sha256\n"));
    assert_non_null(strstr(text, "offset 5\n"));
    free(text);
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
}

static void test_goes_on_where_it_was(void **state)
{
    static const char *const users[] = {"", "alice", "al ice\n+%/\xc3\xa9", "user x\noffset 9"};
    const struct store *store = *state;

    for (size_t i = 0; i < LENGTH_OF(users); i++) {
        char id[UUID_SIZE];
        int64_t offset = -1;
        const struct name name = unit_name("a");
        leave(store, users[i], "hello", id);
        assert_returns(0, upload_offset(store, &name, id, users[i], &offset, &failure));
        assert_int_equal(5, offset);
        AUTO_UPLOAD upload;
        assert_returns(0, reopen(store, id, users[i], &upload));
        assert_int_equal(5, upload.offset);
        assert_int_equal(5, upload.saved);
        assert_returns(0, write_text(&upload, " world"));
        assert_int_equal(11, upload.offset);
        assert_returns(0, upload_save(&upload, &failure));
        upload_close(&upload);
        assert_returns(0, reopen(store, id, users[i], &upload));
        assert_digest(&upload, "hello world");
        assert_digest(&upload, "hello world"); /* as often as one asks */
        assert_content("hello world", store->path, path_of(id, "data"));
    }
}

/* Where the hash's state is at hand the data is not read: a change of it on disk goes unseen. */
static void test_carries_the_hash_on_where_it_can(void **state)
{
    const struct store *store = *state;
    AUTO_UPLOAD upload;
    char id[UUID_SIZE];

    leave(store, "", "hello", id);
    unit_put(store->path, path_of(id, "data"), "jello");
    assert_returns(0, reopen(store, id, "", &upload));
    assert_returns(0, write_text(&upload, "!"));
#ifdef HAVE_SHA256_CTX
    assert_digest(&upload, "hello!");
#else
    assert_digest(&upload, "jello!");
#endif
}

static void test_reads_again_without_a_hash_state(void **state)
{
    static const char *const states[] = {
        "user \nalgorithm sha256\noffset 5\n",
        "user \nalgorithm sha256\noffset 5\nmidstate \n",
        "user \nalgorithm sha256\noffset 5\nmidstate 0123\n",
        "user \nalgorithm sha512\noffset 5\n",
        "offset 5\nalgorithm sha256\nuser \nlater addition\n",
    };
    const struct store *store = *state;

    for (size_t i = 0; i < LENGTH_OF(states); i++) {
        AUTO_UPLOAD upload;
        char id[UUID_SIZE];
        leave(store, "", "hello", id);
        unit_put(store->path, path_of(id, "state"), states[i]);
        assert_returns(0, reopen(store, id, "", &upload));
        assert_false(upload.digester_valid);
        assert_returns(0, write_text(&upload, "!"));
        assert_digest(&upload, "hello!");
    }
}

static void test_state_of_other_data_is_not_used(void **state)
{
    const struct store *store = *state;
    char id[UUID_SIZE], content[193];

    /* Bytes were lost, and what is left ends as far behind a block as the state does. */
    memset(content, 'x', sizeof content - 1);
    content[192] = '\0';
    leave(store, "", content, id);
    content[64] = '\0';
    unit_put(store->path, path_of(id, "data"), content);
    AUTO_UPLOAD upload;
    assert_returns(0, reopen(store, id, "", &upload));
    assert_int_equal(64, upload.offset);
    assert_digest(&upload, content);
}

static void test_what_was_not_acknowledged_is_cut_off(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    char id[UUID_SIZE];
    int64_t offset;

    leave(store, "", "hello", id);
    unit_put(store->path, path_of(id, "data"), "hello and what a killed process wrote");
    assert_returns(0, upload_offset(store, &name, id, "", &offset, &failure));
    assert_int_equal(5, offset);
    AUTO_UPLOAD upload;
    assert_returns(0, reopen(store, id, "", &upload));
    assert_content("hello", store->path, path_of(id, "data"));
    assert_returns(0, write_text(&upload, "!"));
    assert_digest(&upload, "hello!");
}

static void test_lost_data_moves_the_offset_back(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    char id[UUID_SIZE];
    int64_t offset;

    leave(store, "", "hello", id);
    unit_put(store->path, path_of(id, "data"), "hel");
    assert_returns(0, upload_offset(store, &name, id, "", &offset, &failure));
    assert_int_equal(3, offset);
    AUTO_UPLOAD upload;
    assert_returns(0, reopen(store, id, "", &upload));
    assert_int_equal(3, upload.offset);
    assert_returns(0, write_text(&upload, "p"));
    assert_digest(&upload, "help");
}

/* Distribution's sessions have none. */
static void test_without_state_all_of_data_counts_for_anyone(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    char id[UUID_SIZE];
    int64_t offset;

    leave(store, "alice", "hello", id);
    unit_delete(store->path, path_of(id, "state"));
    assert_returns(0, upload_offset(store, &name, id, "bob", &offset, &failure));
    assert_int_equal(5, offset);
    AUTO_UPLOAD upload;
    assert_returns(0, reopen(store, id, "bob", &upload));
    assert_returns(0, write_text(&upload, "!"));
    assert_digest(&upload, "hello!");
}

static void test_damaged_state_ends_the_session(void **state)
{
    static const char *const states[] = {
        "",
        "\n",
        "garbage",
        "user alice\n",
        "user alice\nalgorithm sha256\n",
        "user alice\noffset 5\n",
        "algorithm sha256\noffset 5\n",
        "user alice\nalgorithm md5\noffset 5\n",
        "user alice\nalgorithm sha256\noffset -1\n",
        "user alice\nalgorithm sha256\noffset five\n",
        "user alice\nalgorithm sha256\noffset \n",
        "user al%ice\nalgorithm sha256\noffset 5\n",
        "useralice\nalgorithm sha256\noffset 5\n",
    };
    const struct store *store = *state;
    const struct name name = unit_name("a");

    for (size_t i = 0; i < LENGTH_OF(states); i++) {
        struct upload upload;
        char id[UUID_SIZE];
        int64_t offset;
        leave(store, "alice", "hello", id);
        unit_put(store->path, path_of(id, "state"), states[i]);
        assert_fails(UPLOAD_UNKNOWN, reopen(store, id, "alice", &upload));
        assert_fails(UPLOAD_UNKNOWN, upload_offset(store, &name, id, "alice", &offset, &failure));
        assert_content("hello", store->path, path_of(id, "data"));
    }
}

static void test_belongs_to_its_user_and_repository(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    struct upload upload;
    char id[UUID_SIZE], of_nobody[UUID_SIZE];
    int64_t offset;

    leave(store, "alice", "hello", id);
    leave(store, "", "hello", of_nobody);
    assert_fails(UPLOAD_UNKNOWN, reopen(store, id, "bob", &upload));
    assert_fails(UPLOAD_UNKNOWN, reopen(store, id, "", &upload));
    assert_fails(UPLOAD_UNKNOWN, reopen(store, id, "alic", &upload));
    assert_fails(UPLOAD_UNKNOWN, reopen(store, of_nobody, "alice", &upload));
    assert_fails(UPLOAD_UNKNOWN, upload_offset(store, &name, id, "bob", &offset, &failure));
    assert_fails(UPLOAD_UNKNOWN, upload_open(store, &other, id, "alice", &upload, &failure));
    assert_fails(UPLOAD_UNKNOWN, upload_offset(store, &other, id, "alice", &offset, &failure));
}

static void test_ids_that_are_none(void **state)
{
    static const char *const ids[] = {
        "",
        "..",
        "../_uploads",
        "01234567-89AB-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdef/",
        "01234567-89ab-cdef-0123-456789abcdef", /* never begun */
    };
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct upload upload;
    int64_t offset;

    for (size_t i = 0; i < LENGTH_OF(ids); i++) {
        assert_fails(UPLOAD_UNKNOWN, reopen(store, ids[i], "", &upload));
        assert_fails(UPLOAD_UNKNOWN, upload_offset(store, &name, ids[i], "", &offset, &failure));
    }
}

struct second {
    const struct store *store;
    const char *id;
};

static int open_as_second(void *context)
{
    const struct second *second = context;
    struct store store;
    struct upload upload;

    if (unit_store_open(&store, second->store) < 0)
        return -1;
    return reopen(&store, second->id, "", &upload) == 0 ? 1 : (int)failure.code;
}

static void test_second_writer_is_turned_away(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct upload first, again;
    struct unit_child child;
    int64_t offset;

    assert_returns(0, create(store, "", &first));
    assert_returns(0, write_text(&first, "hello"));
    assert_returns(0, upload_save(&first, &failure));
    assert_returns(0, write_text(&first, " world"));
    assert_fails(UPLOAD_BUSY, reopen(store, first.id, "", &again));
    unit_child_start(&child, open_as_second, &(struct second){store, first.id});
    assert_int_equal(ERR_UPLOAD_BUSY, unit_child_result(&child));
    unit_child_end(&child);
    assert_returns(0, upload_offset(store, &name, first.id, "", &offset, &failure)); /* no lock */
    assert_int_equal(5, offset);
    assert_content("hello world", store->path, path_of(first.id, "data")); /* untouched */
    upload_close(&first);
    unit_child_start(&child, open_as_second, &(struct second){store, first.id});
    assert_int_equal(1, unit_child_result(&child));
    assert_fails(UPLOAD_BUSY, reopen(store, first.id, "", &again));
    unit_child_end(&child);
}

static void finish_meanwhile(void)
{
    unit_delete(racing_store->path, racing_data);
}

static void replace_meanwhile(void)
{
    unit_put(racing_store->path, "new-data", "another");
    AUTO_DIRTY dirty = {0};
    struct err err;
    fs_rename(&racing_store->fs, "new-data", racing_data, &dirty, &err);
}

static void test_finished_between_opening_and_locking(void **state)
{
    static void (*const races[])(void) = {finish_meanwhile, replace_meanwhile};

    racing_store = *state;
    for (size_t i = 0; i < LENGTH_OF(races); i++) {
        struct upload upload;
        char id[UUID_SIZE];
        leave(racing_store, "", "hello", id);
        snprintf(racing_data, sizeof racing_data, "%s", path_of(id, "data"));
        before_lock = races[i];
        assert_fails(UPLOAD_UNKNOWN, reopen(racing_store, id, "", &upload));
        assert_null(before_lock);
        assert_int_equal(-1, upload.fd); /* and no lock is left on what was opened */
    }
    assert_content("another", racing_store->path, racing_data);
}

static void test_rollback_to_what_was_acknowledged(void **state)
{
    const struct store *store = *state;
    AUTO_UPLOAD upload;
    char id[UUID_SIZE];

    leave(store, "", "hello", id);
    assert_returns(0, reopen(store, id, "", &upload));
    assert_returns(0, write_text(&upload, " world"));
    assert_returns(0, upload_rollback(&upload, &failure));
    assert_int_equal(5, upload.offset);
    assert_content("hello", store->path, path_of(id, "data"));
    assert_digest(&upload, "hello");
    upload_close(&upload);
    assert_returns(0, reopen(store, id, "", &upload));
    assert_returns(0, write_text(&upload, "!"));
    assert_returns(0, upload_save(&upload, &failure));
    assert_returns(0, write_text(&upload, "?"));
    assert_returns(0, upload_rollback(&upload, &failure));
    assert_int_equal(6, upload.offset);
    assert_digest(&upload, "hello!");
}

static void test_a_failing_disk_is_an_error(void **state)
{
    const struct store *store = *state;
    struct upload upload, second;
    struct digest digest;
    struct rlimit before, small;

    assert_returns(0, create(store, "", &upload));
    assert_returns(0, write_text(&upload, "hello"));
    unit_allow_opening(false);
    int saved = upload_save(&upload, &failure);
    int created = create(store, "", &second);
    unit_allow_opening(true);
    assert_int_equal(-1, saved);
    assert_int_equal(0, upload.saved); /* nothing was acknowledged */
    assert_int_equal(-1, created);
    assert_int_equal(-1, second.fd);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 7, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_fails(IO, write_text(&upload, " world"));
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    upload.digester_valid = false;
    unit_put(store->path, path_of(upload.id, "data"), "hel"); /* shorter than it was */
    assert_fails(IO, upload_digest(&upload, DIGEST_SHA256, &digest, &failure));
    unit_break(store->path, "repositories/a/_uploads");
    assert_fails(IO, create(store, "", &second));
    assert_fails(IO, reopen(store, upload.id, "", &second));
    upload_close(&upload);
}

static void test_other_algorithms(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct digest actual, expected = unit_digest(DIGEST_SHA512, "hello");
    AUTO_UPLOAD upload, again;
    char id[UUID_SIZE];

    /* Asked for at the start. */
    assert_returns(0, upload_create(store, &name, "", DIGEST_SHA512, &upload, &failure));
    assert_returns(0, write_text(&upload, "hel"));
    assert_returns(0, upload_save(&upload, &failure));
    memcpy(id, upload.id, sizeof id);
    upload_close(&upload);
    assert_returns(0, reopen(store, id, "", &upload));
    assert_int_equal(DIGEST_SHA512, upload.digester.algorithm);
    assert_returns(0, write_text(&upload, "lo"));
    assert_returns(0, upload_digest(&upload, DIGEST_SHA512, &actual, &failure));
    assert_string_equal(expected.s, actual.s);
    /* Learnt at the end. */
    assert_returns(0, create(store, "", &again));
    assert_returns(0, write_text(&again, "hello"));
    assert_returns(0, upload_digest(&again, DIGEST_SHA512, &actual, &failure));
    assert_string_equal(expected.s, actual.s);
    assert_digest(&again, "hello"); /* and the other one still */
}

static void test_expect_changes_the_algorithm_before_the_first_byte(void **state)
{
    const struct store *store = *state;
    AUTO_UPLOAD upload;

    assert_returns(0, create(store, "", &upload));
    upload_expect(&upload, DIGEST_SHA512);
    assert_int_equal(DIGEST_SHA512, upload.digester.algorithm);
    assert_true(upload.digester_valid);
    assert_returns(0, write_text(&upload, "hello"));
    upload_expect(&upload, DIGEST_SHA256); /* too late: the hash goes on */
    assert_int_equal(DIGEST_SHA512, upload.digester.algorithm);
    struct digest actual, expected = unit_digest(DIGEST_SHA512, "hello");
    assert_returns(0, upload_digest(&upload, DIGEST_SHA512, &actual, &failure));
    assert_string_equal(expected.s, actual.s);
}

static void test_large_data_is_read_again_whole(void **state)
{
    const struct store *store = *state;
    static char chunk[100001];
    AUTO_UPLOAD upload;

    assert_returns(0, create(store, "", &upload));
    AUTO_BUF all = BUF_INIT;
    for (int i = 0; i < 3; i++) {
        memset(chunk, 'a' + i, sizeof chunk - 1);
        buf_addstr(&all, chunk);
        assert_returns(0, write_text(&upload, chunk));
    }
    upload.digester_valid = false;
    assert_digest(&upload, all.s);
}

static void test_publish_and_remove(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("hello");
    struct layout_path path;
    struct upload upload;
    char id[UUID_SIZE];
    AUTO_DIRTY dirty = {0};

    unit_put(store->path, layout_blob(&path, &digest), "damaged"); /* heals */
    leave(store, "", "hello", id);
    unit_age(store->path, path_of(id, "data"), 5000);
    assert_returns(0, reopen(store, id, "", &upload));
    assert_returns(0, upload_publish(&upload, &digest, &dirty, &failure));
    assert_content("hello", store->path, path.s);
    assert_true(unit_age_of(store->path, path.s) < 100); /* the collector goes by it */
    assert_returns(0, upload_remove(&upload, &dirty, &failure));
    upload_close(&upload);
    assert_false(unit_exists(store->path, path_of(id, NULL)));
    assert_content("hello", store->path, path.s);
    assert_fails(UPLOAD_UNKNOWN, reopen(store, id, "", &upload));
}

/* Of one request. */
static void test_one_that_is_no_session(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("hello");
    const struct name name = unit_name("a");
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    for (int published = 0; published < 2; published++) {
        AUTO_UPLOAD upload;
        assert_returns(0, upload_begin(store, &name, DIGEST_SHA256, &upload, &failure));
        assert_returns(0, write_text(&upload, "hello"));
        assert_content("hello", store->path, upload.tmp);
        assert_digest(&upload, "hello");
        if (published)
            assert_returns(0, upload_publish(&upload, &digest, &dirty, &failure));
        assert_true(upload_remove(&upload, &dirty, &failure) >= 0);
        assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
        assert_int_equal(published, unit_exists(store->path, layout_blob(&path, &digest)));
    }
    assert_false(unit_exists(store->path, "repositories/a"));
}

static void test_remove_leaves_nothing(void **state)
{
    const struct store *store = *state;
    AUTO_UPLOAD upload;
    AUTO_DIRTY dirty = {0};

    assert_returns(0, create(store, "", &upload));
    assert_returns(0, write_text(&upload, "hello"));
    assert_returns(0, upload_save(&upload, &failure));
    assert_int_equal(1, unit_count(store->path, "repositories/a/_uploads"));
    assert_returns(0, upload_remove(&upload, &dirty, &failure));
    assert_int_equal(0, unit_count(store->path, "repositories/a/_uploads"));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    assert_returns(0, upload_remove(&upload, &dirty, &failure)); /* gone already */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_what_a_session_is_on_disk),
        STORE_TEST(test_goes_on_where_it_was),
        STORE_TEST(test_carries_the_hash_on_where_it_can),
        STORE_TEST(test_reads_again_without_a_hash_state),
        STORE_TEST(test_state_of_other_data_is_not_used),
        STORE_TEST(test_what_was_not_acknowledged_is_cut_off),
        STORE_TEST(test_lost_data_moves_the_offset_back),
        STORE_TEST(test_without_state_all_of_data_counts_for_anyone),
        STORE_TEST(test_damaged_state_ends_the_session),
        STORE_TEST(test_belongs_to_its_user_and_repository),
        STORE_TEST(test_ids_that_are_none),
        STORE_TEST(test_second_writer_is_turned_away),
        STORE_TEST(test_finished_between_opening_and_locking),
        STORE_TEST(test_rollback_to_what_was_acknowledged),
        STORE_TEST(test_a_failing_disk_is_an_error),
        STORE_TEST(test_other_algorithms),
        STORE_TEST(test_expect_changes_the_algorithm_before_the_first_byte),
        STORE_TEST(test_large_data_is_read_again_whole),
        STORE_TEST(test_publish_and_remove),
        STORE_TEST(test_one_that_is_no_session),
        STORE_TEST(test_remove_leaves_nothing),
    };

    return RUN(tests);
}
