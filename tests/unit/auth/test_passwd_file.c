/* SPDX-License-Identifier: Apache-2.0
 * auth/passwd_file.c: changes that lose nothing; what they come to is in test_passwd.c. */
#include "unit/unit.h"

#include "auth/passwd.h"
#include "auth/passwd_file.h"
#include "base/fs_lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct writer {
    const char *path;
    int number;
};

#define ENTRIES 25

static int write_entries(void *context)
{
    const struct writer *writer = context;
    struct err err;

    for (int i = 0; i < ENTRIES; i++) {
        char user[32];
        snprintf(user, sizeof user, "user-%d-%d", writer->number, i);
        if (passwd_file_set(writer->path, user, "hash", PASSWD_FILE_EITHER, (gid_t)-1, &err) < 0 ||
            passwd_file_set(writer->path, "all", user, PASSWD_FILE_EITHER, (gid_t)-1, &err) < 0)
            return -1;
    }
    return 0;
}

/* The first of them makes the file. */
static void test_writers_at_once_lose_nothing(void **state)
{
    const struct unit_dir *dir = *state;
    struct writer writers[4];
    struct unit_child children[LENGTH_OF(writers)];
    AUTO_STRINGS users = {0};

    for (size_t i = 0; i < LENGTH_OF(writers); i++) {
        writers[i] = (struct writer){unit_path(dir, "htpasswd"), (int)i};
        unit_child_start(&children[i], write_entries, &writers[i]);
    }
    for (size_t i = 0; i < LENGTH_OF(writers); i++)
        assert_int_equal(0, unit_child_result(&children[i]));
    for (size_t i = LENGTH_OF(writers); i-- > 0;) /* each has the pipes of those before it */
        unit_child_end(&children[i]);
    assert_returns(0, passwd_file_users(unit_path(dir, "htpasswd"), &users, &failure));
    assert_int_equal(LENGTH_OF(writers) * ENTRIES + 1, users.n);
    assert_int_equal(1, unit_count(dir->path, "."));
    assert_int_equal(0640, unit_mode(dir->path, "htpasswd"));
}

/* What another does while this one waits for the lock; once. */
static void (*meanwhile)(void);

int __real_fs_lock_wait(int fd, enum fs_lock mode, int timeout_ms, struct err *err);
int __wrap_fs_lock_wait(int fd, enum fs_lock mode, int timeout_ms, struct err *err);
int __wrap_fs_lock_wait(int fd, enum fs_lock mode, int timeout_ms, struct err *err)
{
    void (*now)(void) = meanwhile;

    meanwhile = NULL;
    if (now)
        now();
    return __real_fs_lock_wait(fd, mode, timeout_ms, err);
}

static const char *shared_path;

static gid_t group_for_all(void)
{
    return geteuid() == 0 ? 4321 : getegid(); /* who is not root cannot give it to another's */
}

static void add_another(void)
{
    assert_returns(
        0, passwd_file_set(shared_path, "bob", "b", PASSWD_FILE_NEW, group_for_all(), &failure));
}

static void fail_to_add(void)
{
    add_another();
    assert_int_equal(0, unlink(shared_path));
}

/* Whoever writes it first, not whoever made it, has not its group by chance. */
static void test_31_the_first_writer_need_not_have_made_it(void **state)
{
    const struct unit_dir *dir = *state;
    struct stat st;

    shared_path = unit_path(dir, "htpasswd");
    for (int gone = 0; gone < 2; gone++) {
        meanwhile = gone ? fail_to_add : add_another;
        assert_returns(0, passwd_file_set(shared_path, "alice", "a", PASSWD_FILE_NEW,
                                          group_for_all(), &failure));
        assert_content(gone ? "alice:a\n" : "bob:b\nalice:a\n", dir->path, "htpasswd");
        assert_int_equal(0, stat(shared_path, &st));
        assert_int_equal(group_for_all(), st.st_gid);
        assert_int_equal(0, unlink(shared_path));
    }
}

/* A file that this process has locked, as another sees it. */
struct locked {
    char path[128];
    int fd;
};

static int set_alice(void *context)
{
    const struct locked *locked = context;
    struct err err;

    close(locked->fd);
    return passwd_file_set(locked->path, "alice", "new", PASSWD_FILE_EITHER, (gid_t)-1, &err);
}

static int remove_bob(void *context)
{
    const struct locked *locked = context;
    struct err err;

    close(locked->fd);
    return passwd_file_remove(locked->path, "bob", &err);
}

static void test_a_writer_waits_for_another(void **state)
{
    const struct unit_dir *dir = *state;
    struct unit_child setter, remover;
    struct locked locked;

    snprintf(locked.path, sizeof locked.path, "%s/htpasswd", dir->path);
    unit_put(dir->path, "htpasswd", "bob:b\n");
    locked.fd = open(locked.path, O_RDWR | O_CLOEXEC);
    assert_returns(1, fs_lock_try(locked.fd, FS_LOCK_EXCLUSIVE, &failure));
    unit_child_start(&setter, set_alice, &locked);
    unit_child_start(&remover, remove_bob, &locked);
    usleep(200000);
    assert_content("bob:b\n", dir->path, "htpasswd");
    close(locked.fd);
    assert_int_equal(0, unit_child_result(&setter));
    assert_int_equal(1, unit_child_result(&remover));
    unit_child_end(&remover);
    unit_child_end(&setter);
    assert_content("alice:new\n", dir->path, "htpasswd");
}

static void test_the_owner_stays(void **state)
{
    const struct unit_dir *dir = *state;
    struct stat st;

    unit_put(dir->path, "htpasswd", "bob:b\n");
    if (geteuid() == 0) /* who is not cannot make it another's */
        assert_int_equal(0, chown(unit_path(dir, "htpasswd"), 4711, 4712));
    assert_int_equal(0, chmod(unit_path(dir, "htpasswd"), 0606)); /* which anyone may write */
    assert_int_equal(0, stat(unit_path(dir, "htpasswd"), &st));
    uid_t owner = st.st_uid;
    gid_t group = st.st_gid;
    ino_t inode = st.st_ino;
    assert_returns(0, passwd_file_set(unit_path(dir, "htpasswd"), "alice", "new",
                                      PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_int_equal(0, stat(unit_path(dir, "htpasswd"), &st));
    assert_int_not_equal(inode, st.st_ino); /* replaced, not written over */
    assert_returns(1, passwd_file_remove(unit_path(dir, "htpasswd"), "bob", &failure));
    assert_int_equal(0, stat(unit_path(dir, "htpasswd"), &st));
    assert_int_equal(owner, st.st_uid);
    assert_int_equal(group, st.st_gid);
    assert_int_equal(0606, st.st_mode & 07777);
}

static void test_links_stay_links(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "shared/users", "bob:b\n");
    unit_symlink("../shared/users", dir->path, "etc/second");
    unit_symlink("etc/second", dir->path, "first");
    assert_returns(0, passwd_file_set(unit_path(dir, "first"), "alice", "new", PASSWD_FILE_EITHER,
                                      (gid_t)-1, &failure));
    assert_content("bob:b\nalice:new\n", dir->path, "shared/users");
    assert_returns(1, passwd_file_remove(unit_path(dir, "first"), "bob", &failure));
    assert_content("alice:new\n", dir->path, "shared/users");
    assert_null(unit_get(dir->path, "first"));
    assert_null(unit_get(dir->path, "etc/second"));
    assert_int_equal(1, unit_count(dir->path, "shared"));
    assert_int_equal(1, unit_count(dir->path, "etc"));
}

static void test_a_link_to_nowhere_is_an_error(void **state)
{
    const struct unit_dir *dir = *state;

    unit_symlink("nowhere", dir->path, "htpasswd");
    assert_fails(IO, passwd_file_set(unit_path(dir, "htpasswd"), "alice", "new", PASSWD_FILE_EITHER,
                                     (gid_t)-1, &failure));
    assert_fails(IO, passwd_file_remove(unit_path(dir, "htpasswd"), "alice", &failure));
    assert_int_equal(1, unit_count(dir->path, "."));
    assert_true(unit_exists(dir->path, "htpasswd"));
}

static void test_what_is_no_file(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_STRINGS users = {0};

    assert_fails(
        IO, passwd_file_set(dir->path, "alice", "new", PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_fails(IO, passwd_file_users(dir->path, &users, &failure));
    assert_int_equal(0, mkfifo(unit_path(dir, "pipe"), 0600));
    assert_fails(USAGE, passwd_file_set(unit_path(dir, "pipe"), "alice", "new", PASSWD_FILE_EITHER,
                                        (gid_t)-1, &failure));
    assert_fails(IO, passwd_file_set("/nowhere/htpasswd", "alice", "new", PASSWD_FILE_EITHER,
                                     (gid_t)-1, &failure));
    assert_returns(0, passwd_file_remove("/nowhere/htpasswd", "alice", &failure));
    assert_int_equal(1, unit_count(dir->path, "."));
}

static void test_a_path_without_a_directory(void **state)
{
    const struct unit_dir *dir = *state;
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(0, chdir(dir->path));
    assert_returns(
        0, passwd_file_set("htpasswd", "alice", "new", PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_returns(
        0, passwd_file_set("htpasswd", "bob", "b", PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_int_equal(0, fchdir(before));
    close(before);
    assert_content("alice:new\nbob:b\n", dir->path, "htpasswd");
}

static void test_bytes_of_other_lines_stay(void **state)
{
    static const char before[] = "a:1\0x\n\xff\xfe:2\r\n\n#alice:old\n alice:3\nalice2:4";
    static const char after[] =
        "a:1\0x\n\xff\xfe:2\r\n\n#alice:old\n alice:3\nalice2:4\nalice:new\n";
    const struct unit_dir *dir = *state;

    unit_put_bytes(dir->path, "htpasswd", before, sizeof before - 1);
    assert_returns(0, passwd_file_set(unit_path(dir, "htpasswd"), "alice", "new",
                                      PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    char *text = unit_get(dir->path, "htpasswd");
    assert_memory_equal(after, text, sizeof after);
    free(text);
    AUTO_STRINGS users = {0};
    assert_returns(0, passwd_file_users(unit_path(dir, "htpasswd"), &users, &failure));
    assert_int_equal(5, users.n);
    assert_string_equal("alice", users.v[2]); /* behind " alice" and "a" */
}

/* On a full disk the old file stays, and a new one is not left behind. */
static void test_a_failed_write_changes_nothing(void **state)
{
    const struct unit_dir *dir = *state;
    struct rlimit before;

    unit_put(dir->path, "htpasswd", "bob:b\n");
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
    int set = passwd_file_set(unit_path(dir, "htpasswd"), "alice", "new", PASSWD_FILE_EITHER,
                              (gid_t)-1, &failure);
    int made = passwd_file_set(unit_path(dir, "fresh"), "alice", "new", PASSWD_FILE_EITHER,
                               (gid_t)-1, &failure);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(-1, set);
    assert_int_equal(-1, made);
    assert_content("bob:b\n", dir->path, "htpasswd");
    assert_int_equal(1, unit_count(dir->path, "."));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_writers_at_once_lose_nothing),
        DIR_TEST(test_31_the_first_writer_need_not_have_made_it),
        DIR_TEST(test_a_writer_waits_for_another),
        DIR_TEST(test_the_owner_stays),
        DIR_TEST(test_links_stay_links),
        DIR_TEST(test_a_link_to_nowhere_is_an_error),
        DIR_TEST(test_what_is_no_file),
        DIR_TEST(test_a_path_without_a_directory),
        DIR_TEST(test_bytes_of_other_lines_stay),
        DIR_TEST(test_a_failed_write_changes_nothing),
    };

    return RUN(tests);
}
