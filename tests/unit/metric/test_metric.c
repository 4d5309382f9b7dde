/* SPDX-License-Identifier: Apache-2.0
 * Counters that processes share: exact, and none that what becomes of the file could kill. */
#include "metric/metric.h"

#include "base/buf.h"
#include "base/timing.h"
#include "metric/metric_shared.h"
#include "metric/metric_status.h"
#include "metric/metric_text.h"
#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT "/var/lib/some/where"
#define FILE_NAME "var-lib-some-where-"

static int open_in(const struct unit_dir *dir)
{
    return metric_open(dir->path, ROOT, 0640, &failure);
}

static void open_counters(const struct unit_dir *dir)
{
    assert_int_equal(0, open_in(dir));
    assert_true(metric_is_shared());
}

static int close_counters(void **state)
{
    metric_close();
    return unit_dir_remove(state);
}
#define METRIC_TEST(test) cmocka_unit_test_setup_teardown(test, unit_dir_make, close_counters)

static int64_t count_of(enum metric_counter counter)
{
    return atomic_load(&metric_now()->counters[counter]);
}

/* The file's name in the directory. */
static const char *file_in(const struct unit_dir *dir)
{
    static char name[256];
    DIR *entries = opendir(dir->path);
    struct dirent *entry;

    *name = '\0';
    while ((entry = readdir(entries)))
        if (strncmp(entry->d_name, FILE_NAME, strlen(FILE_NAME)) == 0 &&
            !strchr(entry->d_name, '.'))
            snprintf(name, sizeof name, "%s", entry->d_name);
    closedir(entries);
    assert_true(*name);
    return name;
}

static struct buf text_of(bool open_metrics)
{
    struct buf out = BUF_INIT;
    struct metric_text text = {.out = &out, .open_metrics = open_metrics};

    metric_print(&text);
    metric_text_end(&text);
    return out;
}

static void assert_line(const char *line)
{
    struct buf text = text_of(false);
    char *with_end = malloc(strlen(line) + 2);

    snprintf(with_end, strlen(line) + 2, "%s\n", line);
    if (!strstr(text.s, with_end))
        fail_msg("no line \"%s\" in:\n%s", line, text.s);
    free(with_end);
    buf_free(&text);
}

#define PROCESSES 64
#define ROUNDS 2000

static void count_much(const struct unit_dir *dir, int n)
{
    const struct metric_request request = {.handler = METRIC_MANIFEST,
                                           .method = n % 2 ? "GET" : "PUT",
                                           .status = n % 2 ? 200 : 201,
                                           .nanoseconds = 3000000,
                                           .taken = n,
                                           .sent = 1000};

    if (open_in(dir) < 0)
        _exit(1);
    for (int i = 0; i < ROUNDS; i++) {
        metric_count(&request);
        metric_add(METRIC_DENIED, 1);
        metric_add(METRIC_UPLOADS_OPEN, i % 2 ? 1 : -1);
    }
    _exit(0);
}

/* They begin at once, also with making the file, and half of them end by a kill. */
static void test_exact_under_64_processes(void **state)
{
    const struct unit_dir *dir = *state;
    pid_t children[PROCESSES];
    int status;

    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            count_much(dir, i);
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(children[i], waitpid(children[i], &status, 0));
        assert_int_equal(0, status);
    }
    open_counters(dir);
    assert_int_equal(PROCESSES * ROUNDS, count_of(METRIC_DENIED));
    assert_int_equal(0, count_of(METRIC_UPLOADS_OPEN));
    assert_line(
        "registry_http_requests_total{code=\"200\",handler=\"manifest\",method=\"get\"} 64000");
    assert_line(
        "registry_http_requests_total{code=\"201\",handler=\"manifest\",method=\"put\"} 64000");
    assert_line("registry_http_response_size_bytes_sum{handler=\"manifest\"} 128000000");
    assert_line(
        "registry_http_response_size_bytes_bucket{handler=\"manifest\",le=\"1024\"} 128000");
    assert_line("registry_http_request_size_bytes_sum{handler=\"manifest\"} 4032000");
    assert_line("registry_http_request_duration_seconds_bucket{handler=\"manifest\",method=\"get\","
                "le=\"0.0025\"} 0");
    assert_line("registry_http_request_duration_seconds_bucket{handler=\"manifest\",method=\"get\","
                "le=\"0.005\"} 64000");
    assert_line("registry_http_request_duration_seconds_sum{handler=\"manifest\",method=\"get\"} "
                "192.000000000");
}

static void test_counts_stay(void **state)
{
    open_counters(*state);
    metric_add(METRIC_GC_OK, 3);
    metric_close();
    assert_int_equal(0, count_of(METRIC_GC_OK)); /* it counts for itself now */
    open_counters(*state);
    assert_int_equal(3, count_of(METRIC_GC_OK));
}

static void test_each_store_has_its_own(void **state)
{
    const struct unit_dir *dir = *state;

    open_counters(dir);
    metric_add(METRIC_DENIED, 5);
    assert_int_equal(0, metric_open(dir->path, ROOT "/else", 0640, &failure));
    assert_int_equal(0, count_of(METRIC_DENIED));
    assert_int_equal(0, metric_open(dir->path, "/var/lib/some-where", 0640, &failure));
    assert_int_equal(0, count_of(METRIC_DENIED)); /* whose name reads alike */
    open_counters(dir);
    assert_int_equal(5, count_of(METRIC_DENIED));
    assert_int_equal(0640, unit_mode(dir->path, file_in(dir)));
}

/* Where a write at an offset of the file leaves it, counting begins anew. */
static void expect_replaced(const struct unit_dir *dir, off_t at, uint32_t value)
{
    open_counters(dir);
    metric_add(METRIC_DENIED, 1);
    metric_close();
    AUTO_FD fd = open(unit_path(dir, file_in(dir)), O_RDWR);
    if (at >= 0)
        assert_int_equal(sizeof value, pwrite(fd, &value, sizeof value, at));
    else
        assert_int_equal(0, ftruncate(fd, value));
    file_close(&fd);
    open_counters(dir);
    assert_int_equal(0, count_of(METRIC_DENIED));
    metric_add(METRIC_DENIED, 1);
    metric_close();
    open_counters(dir);
    assert_int_equal(1, count_of(METRIC_DENIED));
    metric_close();
}

static void test_another_version_is_replaced(void **state)
{
    expect_replaced(*state, offsetof(struct metric_head, version), METRIC_VERSION + 1);
}

static void test_a_broken_file_is_replaced(void **state)
{
    expect_replaced(*state, 0, 0);
    expect_replaced(*state, offsetof(struct metric_head, size), 8);
    expect_replaced(*state, -1, 0);
    expect_replaced(*state, -1, sizeof(struct metric_shared) - 1);
    expect_replaced(*state, -1, sizeof(struct metric_shared) + 1);
}

static void test_what_is_no_file_is_replaced(void **state)
{
    const struct unit_dir *dir = *state;

    open_counters(dir);
    metric_close();
    char name[256];
    snprintf(name, sizeof name, "%s", file_in(dir));
    unit_delete(dir->path, name);
    unit_symlink("/etc/passwd", dir->path, name);
    open_counters(dir);
    metric_add(METRIC_DENIED, 1);
    assert_int_equal(1, count_of(METRIC_DENIED));
    metric_close();
    unit_delete(dir->path, name);
    assert_int_equal(0, mkfifo(unit_path(dir, name), 0600));
    open_counters(dir);
    assert_int_equal(0, count_of(METRIC_DENIED));
}

static bool has_counted_fsck(void)
{
    return count_of(METRIC_FSCK_OK) > 0;
}

/* Once in a while whoever serves looks whether the file is another one. */
static void await_look(bool (*is_old)(void))
{
    for (int i = 0; i < 600 && is_old(); i++) {
        usleep(50000);
        metric_busy();
    }
    assert_false(is_old());
}

/* Whoever cuts it off kills nobody; what is counted until the next look is lost. */
static void test_cut_off_while_it_is_used(void **state)
{
    const struct unit_dir *dir = *state;

    open_counters(dir);
    metric_serve();
    metric_add(METRIC_DENIED, 1);
    assert_int_equal(0, truncate(unit_path(dir, file_in(dir)), 0));
    metric_add(METRIC_DENIED, 1);
    metric_add(METRIC_FSCK_OK, 1);
    await_look(has_counted_fsck);
    assert_int_equal(0, count_of(METRIC_DENIED));
    metric_add(METRIC_DENIED, 1);
    metric_close();
    open_counters(dir);
    assert_int_equal(1, count_of(METRIC_DENIED));
}

static void test_removed_while_it_is_used(void **state)
{
    const struct unit_dir *dir = *state;

    open_counters(dir);
    metric_serve();
    metric_add(METRIC_FSCK_OK, 1);
    unit_delete(dir->path, file_in(dir));
    await_look(has_counted_fsck);
    metric_add(METRIC_DENIED, 7);
    assert_line("berth_workers{state=\"busy\"} 1");
    metric_close();
    open_counters(dir);
    assert_int_equal(7, count_of(METRIC_DENIED));
}

static const struct unit_dir *counted_in;

static int serve_idle(void *context)
{
    (void)context;
    if (open_in(counted_in) < 0)
        return -1;
    metric_serve();
    return 0;
}

static int serve_busy(void *context)
{
    int result = serve_idle(context);

    metric_busy();
    metric_handles(METRIC_BLOB_UPLOAD_CHUNK);
    return result;
}

static int serve_once(void *context)
{
    (void)context;
    if (open_in(counted_in) < 0)
        return -1;
    metric_serve_once();
    metric_handles(METRIC_BLOB);
    return 0;
}

/* Who is there for one request is never a busy worker, beside whom none is idle. */
static void test_who_answers_one_request(void **state)
{
    const struct unit_dir *dir = *state;
    struct unit_child children[2];
    struct metric_status status;

    counted_in = dir;
    open_counters(dir);
    for (int i = 0; i < 2; i++) {
        unit_child_start(&children[i], serve_once, NULL);
        assert_int_equal(0, unit_child_result(&children[i]));
    }
    assert_line("berth_workers{state=\"cgi\"} 2");
    assert_line("berth_workers{state=\"busy\"} 0");
    assert_line("registry_http_in_flight_requests{handler=\"blob\"} 2");
    metric_status_read(&status, dir->path);
    assert_int_equal(status.once, 2);
    for (size_t i = 0; i < status.problems.n; i++)
        assert_null(strstr(status.problems.v[i], "workers are busy"));
    metric_status_free(&status);
    for (int i = 1; i >= 0; i--) /* the later one holds the earlier one's pipe */
        unit_child_end(&children[i]);
    assert_line("berth_workers{state=\"cgi\"} 0");
}

/* Nobody who was killed is counted, whatever he did. */
static void test_who_lives(void **state)
{
    struct unit_child idle, busy;

    counted_in = *state;
    open_counters(*state);
    metric_serve();
    metric_busy();
    metric_handles(METRIC_METRICS);
    unit_child_start(&idle, serve_idle, NULL);
    unit_child_start(&busy, serve_busy, NULL);
    assert_int_equal(0, unit_child_result(&idle));
    assert_int_equal(0, unit_child_result(&busy));
    assert_line("berth_workers{state=\"busy\"} 2");
    assert_line("berth_workers{state=\"idle\"} 1");
    assert_line("registry_http_in_flight_requests{handler=\"blob_upload_chunk\"} 1");
    assert_line("registry_http_in_flight_requests{handler=\"metrics\"} 1");
    kill(busy.pid, SIGKILL);
    waitid(P_PID, (id_t)busy.pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
    assert_line("berth_workers{state=\"busy\"} 1");
    assert_line("registry_http_in_flight_requests{handler=\"blob_upload_chunk\"} 0");
    unit_child_end(&idle);
    assert_line("berth_workers{state=\"idle\"} 0");
    unit_child_end(&busy);
    metric_idle();
    assert_line("berth_workers{state=\"idle\"} 1");
}

/* A directory that others may write to is none: they could put their file there. */
static void test_unsafe_directories(void **state)
{
    const struct unit_dir *dir = *state;

    assert_int_equal(0, chmod(dir->path, 0777));
    assert_fails(IO, metric_open(dir->path, ROOT, 0640, &failure));
    assert_false(metric_is_shared());
    metric_add(METRIC_DENIED, 1); /* it counts on, for itself */
    assert_true(count_of(METRIC_DENIED) >= 1);
    assert_int_equal(0, chmod(dir->path, 0750));
    assert_fails(IO, metric_open(unit_path(dir, "no/such"), ROOT, 0640, &failure));
    assert_int_equal(0, metric_open(unit_path(dir, "new"), ROOT, 0640, &failure));
    assert_true(metric_is_shared());
}

/* It is said why there is none, and nothing is left of it. */
static void test_no_room_for_the_file(void **state)
{
    const struct unit_dir *dir = *state;
    struct rlimit before, small;

    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    small = before;
    small.rlim_cur = 1024;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
    assert_fails(IO, open_in(dir));
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(EFBIG, failure.sys);
    assert_false(metric_is_shared());
    assert_int_equal(1, unit_count(dir->path, ".")); /* the lock */
}

static void test_what_is_told_from_below(void **state)
{
    open_counters(*state);
    for (int i = 0; i < 3; i++) {
        struct timed timed = timing_begin(TIMING_LOCK, "_berth/lock/repo/00");
        timing_end(&timed);
    }
    struct timed gate = timing_begin(TIMING_LOCK, "_berth/lock/gc.gate");
    timing_end(&gate);
    struct timed stat = timing_begin(TIMING_STAT, "x");
    timing_end(&stat);
    struct timed sync = timing_begin(TIMING_SYNC, NULL);
    timing_end(&sync);
    assert_line("berth_lock_wait_seconds_count{lock=\"repository\"} 3");
    assert_line("berth_lock_wait_seconds_count{lock=\"gc.gate\"} 1");
    assert_line("registry_storage_action_seconds_count{driver=\"filesystem\",action=\"Stat\"} 1");
    assert_line("berth_sync_seconds_count 1");
}

static void test_open_metrics(void **state)
{
    open_counters(*state);
    metric_count(
        &(struct metric_request){.handler = METRIC_BASE, .method = "TRACE", .status = 418});
    struct buf text = text_of(true);
    assert_non_null(strstr(text.s, "# TYPE registry_http_requests counter\n"));
    assert_non_null(strstr(text.s, "registry_http_requests_total{code=\"0\",handler=\"base\","
                                   "method=\"unknown\"} 1\n"));
    assert_string_equal("# EOF\n", text.s + text.len - 6);
    buf_free(&text);
    text = text_of(false);
    assert_non_null(strstr(text.s, "# TYPE registry_http_requests_total counter\n"));
    assert_null(strstr(text.s, "# EOF"));
    buf_free(&text);
}

/* Each status that an error can have is counted as itself. */
static void test_each_status_is_known(void **state)
{
    static const int statuses[] = {
#define ERR(name, status, oci, exit_code, text) status,
#include "base/err.def"
#undef ERR
    };

    (void)state;
    for (size_t n = 0; n < LENGTH_OF(statuses); n++) {
        bool known = statuses[n] == 0;
        for (int i = 1; i < METRIC_STATUSES; i++)
            known |= metric_statuses[i] == statuses[n];
        if (!known)
            fail_msg("%d is not counted as itself", statuses[n]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        METRIC_TEST(test_exact_under_64_processes),
        METRIC_TEST(test_counts_stay),
        METRIC_TEST(test_each_store_has_its_own),
        METRIC_TEST(test_another_version_is_replaced),
        METRIC_TEST(test_a_broken_file_is_replaced),
        METRIC_TEST(test_what_is_no_file_is_replaced),
        METRIC_TEST(test_cut_off_while_it_is_used),
        METRIC_TEST(test_removed_while_it_is_used),
        METRIC_TEST(test_who_lives),
        METRIC_TEST(test_who_answers_one_request),
        METRIC_TEST(test_unsafe_directories),
        METRIC_TEST(test_no_room_for_the_file),
        METRIC_TEST(test_what_is_told_from_below),
        METRIC_TEST(test_open_metrics),
        cmocka_unit_test(test_each_status_is_known),
    };

    return RUN(tests);
}
