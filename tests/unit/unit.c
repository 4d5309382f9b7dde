/* SPDX-License-Identifier: Apache-2.0
 * What the unit tests share. */
#include "unit/unit.h"

#include "base/dir.h"
#include "oci/digester.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct err failure;

/* Where tests ask for more memory than there is, AddressSanitizer is to answer as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

#define UNTOUCHED "untouched"

void unit_before_call(void)
{
    memset(&failure, 0, sizeof failure);
    memcpy(failure.msg, UNTOUCHED, sizeof UNTOUCHED);
}

void unit_after_call(long expected, long actual, const char *call, const char *file, int line)
{
    if (actual != expected) {
        print_error("%s\nreturned %ld instead of %ld (error %d: %s)\n", call, actual, expected,
                    (int)failure.code, failure.msg);
        _fail(file, line);
    }
    if (actual >= 0 && strcmp(failure.msg, UNTOUCHED) != 0) {
        print_error("%s\nsucceeded, but set the error: %s\n", call, failure.msg);
        _fail(file, line);
    }
}

void unit_after_failure(enum err_code code, long actual, const char *call, const char *file,
                        int line)
{
    if (actual == -1 && failure.code == code && strcmp(failure.msg, UNTOUCHED) != 0)
        return;
    print_error("%s\nreturned %ld with error %d (%s), not -1 with error %d (%s)\n", call, actual,
                (int)failure.code, failure.msg, (int)code, err_public_text(code));
    _fail(file, line);
}

struct name unit_name(const char *text)
{
    struct name name;

    assert_returns(0, name_parse(&name, text, strlen(text), &failure));
    return name;
}

struct tag unit_tag(const char *text)
{
    struct tag tag;

    assert_returns(0, tag_parse(&tag, text, strlen(text), &failure));
    return tag;
}

struct digest unit_digest(enum digest_algorithm algorithm, const char *text)
{
    struct digest digest;

    digester_of(&digest, algorithm, text, strlen(text));
    return digest;
}

struct digest unit_digest_of(const char *content)
{
    return unit_digest(DIGEST_SHA256, content);
}

/* dir/path, in one of a few static buffers. */
static const char *join(const char *dir, const char *path)
{
    static char joined[4][4096];
    static unsigned next;
    char *s = joined[next++ % LENGTH_OF(joined)];

    assert_true(snprintf(s, sizeof joined[0], "%s/%s", dir, path) < (int)sizeof joined[0]);
    return s;
}

static void make_parents(const char *dir, const char *path)
{
    char prefix[4096];

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(prefix, sizeof prefix, "%s/%.*s", dir, (int)(slash - path), path);
        assert_true(mkdir(prefix, 0755) == 0 || errno == EEXIST);
    }
}

void unit_put_bytes(const char *dir, const char *path, const void *bytes, size_t len)
{
    make_parents(dir, path);
    int fd = open(join(dir, path), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(len, write(fd, bytes, len));
    close(fd);
}

void unit_put(const char *dir, const char *path, const char *text)
{
    unit_put_bytes(dir, path, text, strlen(text));
}

void unit_symlink(const char *target, const char *dir, const char *path)
{
    make_parents(dir, path);
    assert_int_equal(0, symlink(target, join(dir, path)));
}

static int delete_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void unit_delete(const char *dir, const char *path)
{
    assert_int_equal(0, nftw(join(dir, path), delete_entry, 16, FTW_DEPTH | FTW_PHYS));
}

void unit_break(const char *dir, const char *path)
{
    if (unit_exists(dir, path))
        unit_delete(dir, path);
    unit_symlink("nowhere", dir, path);
}

void unit_allow_opening(bool allow)
{
    static struct rlimit before;

    if (!allow)
        assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
    struct rlimit limit = {.rlim_cur = allow ? before.rlim_cur : 0, .rlim_max = before.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &limit));
}

bool unit_exists(const char *dir, const char *path)
{
    struct stat st;

    return lstat(join(dir, path), &st) == 0;
}

char *unit_get(const char *dir, const char *path)
{
    struct stat st;
    int fd = open(join(dir, path), O_RDONLY | O_NOFOLLOW);

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *text = calloc(1, (size_t)st.st_size + 1);
    assert_non_null(text);
    assert_int_equal(st.st_size, read(fd, text, (size_t)st.st_size));
    close(fd);
    return text;
}

void unit_age(const char *dir, const char *path, long seconds)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds}};

    assert_int_equal(0, utimensat(AT_FDCWD, join(dir, path), times, AT_SYMLINK_NOFOLLOW));
}

static struct stat stat_of(const char *dir, const char *path)
{
    struct stat st;

    if (lstat(join(dir, path), &st) < 0)
        fail_msg("%s/%s: %s", dir, path, strerror(errno));
    return st;
}

long unit_age_of(const char *dir, const char *path)
{
    time_t modified = stat_of(dir, path).st_mtime;
    struct timespec now;

    /* Not time(3), whose clock is behind that of the newest files by some milliseconds. */
    clock_gettime(CLOCK_REALTIME, &now);
    return (long)(now.tv_sec - modified);
}

mode_t unit_mode(const char *dir, const char *path)
{
    return stat_of(dir, path).st_mode & 07777;
}

static bool count_name(void *context, const char *name)
{
    (void)name;
    ++*(size_t *)context;
    return false;
}

size_t unit_count(const char *dir, const char *path)
{
    struct fs_root root = {.fd = open(dir, O_RDONLY | O_DIRECTORY)};
    size_t n = 0;

    assert_returns(1, dir_each(&root, path, count_name, &n, &failure));
    fs_root_close(&root);
    return n;
}

void unit_assert_content(const char *expected, const char *dir, const char *path, const char *file,
                         int line)
{
    char *actual = unit_get(dir, path);

    if (!actual || strcmp(actual, expected) != 0) {
        print_error("%s holds \"%s\", not \"%s\"\n", path, actual ? actual : "nothing", expected);
        free(actual);
        _fail(file, line);
    }
    free(actual);
}

/* Descriptors that this process has open, besides the one that lists them. */
static size_t open_descriptors(void)
{
    return unit_count("/proc/self", "fd") - 1;
}

int unit_dir_make(void **state)
{
    struct unit_dir *dir = calloc(1, sizeof *dir);
    const char *base = getenv("TMPDIR");

    if (!dir)
        return -1;
    *state = dir;
    dir->descriptors = open_descriptors();
    snprintf(dir->path, sizeof dir->path, "%.40s/berth-unit-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir->path))
        return -1;
    dir->root = (struct fs_root){
        .fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .file_mode = 0640,
        .dir_mode = 0750,
    };
    return dir->root.fd < 0 ? -1 : 0;
}

int unit_dir_remove(void **state)
{
    struct unit_dir *dir = *state;

    fs_root_close(&dir->root);
    int result = nftw(dir->path, delete_entry, 16, FTW_DEPTH | FTW_PHYS);
    if (open_descriptors() != dir->descriptors) {
        print_error("a descriptor was left open\n");
        result = -1;
    }
    free(dir);
    return result;
}

const char *unit_path(const struct unit_dir *dir, const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % LENGTH_OF(paths)];

    snprintf(path, sizeof paths[0], "%s/%s", dir->path, name);
    return path;
}

static struct store_settings store_settings_at(const char *root)
{
    return (struct store_settings){
        .root = (char *)root,
        .durability = STORE_DURABILITY_NONE,
        .file_mode = 0640,
        .dir_mode = 0750,
        .lock_timeout = 10,
        .grace = 1000,
        .manifest_limit = 4 << 20,
    };
}

/* The directory is behind the store, so that one state leads to both. */
struct store_in_dir {
    struct store store;
    struct unit_dir *dir;
};

int unit_store_make(void **state)
{
    struct store_in_dir *made = calloc(1, sizeof *made);
    void *dir;

    if (!made || unit_dir_make(&dir) < 0)
        return -1;
    made->dir = dir;
    *state = made;
    struct store_settings settings = store_settings_at(made->dir->path);
    return store_open(&made->store, &settings, true, &failure);
}

int unit_publish(const struct store *store, const struct digest *digest, const void *bytes,
                 size_t len, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return store_write(store, layout_blob(&path, digest), bytes, len, dirty, err);
}

int unit_store_remove(void **state)
{
    struct store_in_dir *made = *state;
    void *dir = made->dir;

    store_close(&made->store);
    free(made);
    return unit_dir_remove(&dir);
}

int unit_store_open(struct store *again, const struct store *store)
{
    char *root = strndup(store->path, strlen(store->path) - strlen("/" LAYOUT_PREFIX));
    struct store_settings settings = store_settings_at(root);

    int opened = store_open(again, &settings, false, &failure);
    again->lock_timeout_ms = store->lock_timeout_ms;
    free(root);
    return opened;
}

void unit_child_start(struct unit_child *child, int (*run)(void *context), void *context)
{
    int report[2], permit[2];

    assert_int_equal(0, pipe(report));
    assert_int_equal(0, pipe(permit));
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        char end;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(report[0]);
        close(permit[1]);
        int result = run(context);
        bool told = write(report[1], &result, sizeof result) == sizeof result;
        _exit(told && read(permit[0], &end, 1) == 0 ? 0 : 1);
    }
    close(report[1]);
    close(permit[0]);
    child->from = report[0];
    child->to = permit[1];
}

int unit_child_result(struct unit_child *child)
{
    int result;

    return read(child->from, &result, sizeof result) == sizeof result ? result : -2;
}

void unit_child_end(struct unit_child *child)
{
    int status;

    close(child->to);
    close(child->from);
    assert_int_equal(child->pid, waitpid(child->pid, &status, 0));
}

int unit_signal_of(int (*run)(void *context), void *context)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        /* The signal is expected: no core file, and none of cmocka's handlers. */
        static const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        run(context);
        _exit(0);
    }
    assert_int_equal(pid, waitpid(pid, &status, 0));
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Through a file, which takes any length at once. */
char *unit_stderr_of(void (*run)(void *context), void *context)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);

    assert_true(file && saved >= 0);
    dup2(fileno(file), STDERR_FILENO);
    run(context);
    dup2(saved, STDERR_FILENO);
    close(saved);
    off_t len = lseek(fileno(file), 0, SEEK_END);
    char *text = calloc(1, (size_t)len + 1);
    assert_non_null(text);
    assert_int_equal(len, pread(fileno(file), text, (size_t)len, 0));
    fclose(file);
    return text;
}

static long milliseconds(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

long unit_now_ms(void)
{
    return milliseconds(CLOCK_MONOTONIC);
}

long unit_cpu_ms(void)
{
    return milliseconds(CLOCK_PROCESS_CPUTIME_ID);
}
