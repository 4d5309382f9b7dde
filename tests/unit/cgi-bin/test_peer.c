/* SPDX-License-Identifier: Apache-2.0
 * cgi-bin/peer.c */
#include "unit/unit.h"

#include "peer.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Stands in for the kernel's, which knows only who runs this test. */
int getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

static uid_t pretended;

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    int result = __real_getsockopt(fd, level, name, value, len);

    assert_int_equal(SO_PEERCRED, name);
    if (pretended)
        ((struct ucred *)value)->uid = pretended;
    return result;
}

/* While it waits for room the web server reads. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

static int web_server = -1;
static char last[8]; /* of what it has read */

static void read_all(void)
{
    static char bytes[65536];
    ssize_t n;

    while ((n = recv(web_server, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        if (n >= (ssize_t)sizeof last)
            memcpy(last, bytes + n - (ssize_t)sizeof last, sizeof last);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    assert_int_equal(1, n);
    assert_int_equal(POLLOUT, fds->events);
    assert_true(timeout_ms > 0);
    read_all();
    return 1;
}

static void find(struct peers *peers, const char *first, const char *second)
{
    AUTO_STRINGS users = {0};

    strings_add(&users, first);
    if (second)
        strings_add(&users, second);
    assert_returns(0, peer_find(peers, &users, &failure));
}

static int check(const struct peers *peers, uid_t uid)
{
    int pair[2];

    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    pretended = uid;
    int result = peer_check(peers, pair[0], &failure);
    pretended = 0;
    close(pair[0]);
    close(pair[1]);
    return result;
}

static void test_16_who_is_named_may_connect(void **state)
{
    struct peers none = {0}, peers = {0};

    (void)state;
    find(&peers, "www-data", "4711");
    assert_returns(0, check(&peers, 33));
    assert_returns(0, check(&peers, 4711));
    assert_fails(CONFIG, check(&peers, 4712));
    assert_non_null(strstr(failure.msg, "the user 4712 may not connect"));
    assert_fails(CONFIG, check(&peers, 65534));
    assert_non_null(strstr(failure.msg, "the user nobody may not connect"));
    if (getuid() == 0) /* root, as the kernel says it */
        assert_returns(0, check(&peers, 0));
    assert_returns(0, check(&none, 4712));
    peer_free(&peers);
}

static void test_16_names_that_nobody_has(void **state)
{
    AUTO_STRINGS users = {0};
    struct peers peers = {0};

    (void)state;
    strings_add(&users, "www-data");
    strings_add(&users, "no-such-user");
    assert_fails(CONFIG, peer_find(&peers, &users, &failure));
    assert_non_null(strstr(failure.msg, "\"no-such-user\""));
    peer_free(&peers);
}

static void test_16_other_sockets_tell_nothing(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct peers peers = {0};

    (void)state;
    find(&peers, "root", NULL);
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(0, bind(listener, (struct sockaddr *)&address, len));
    assert_int_equal(0, listen(listener, 1));
    assert_int_equal(0, getsockname(listener, (struct sockaddr *)&address, &len));
    assert_int_equal(0, connect(client, (struct sockaddr *)&address, len));
    int connection = accept(listener, NULL, NULL);
    assert_fails(CONFIG, peer_check(&peers, connection, &failure));
    assert_non_null(strstr(failure.msg, "needs a Unix socket"));
    close(connection);
    close(client);
    close(listener);
    peer_free(&peers);
}

static void test_what_is_broken_off_is_told_also_to_who_is_slow(void **state)
{
    static const char bad[8] = {0};
    static char bytes[8192];
    int pair[2];

    (void)state;
    memset(bytes, 1, sizeof bytes);
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    while (send(pair[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
    web_server = pair[1];
    peer_break_off(pair[0], 1000);
    memset(last, 1, sizeof last);
    read_all();
    assert_memory_equal(bad, last, sizeof last);
    assert_int_equal(0, recv(pair[1], last, sizeof last, MSG_DONTWAIT));
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_16_who_is_named_may_connect),
        cmocka_unit_test(test_16_names_that_nobody_has),
        cmocka_unit_test(test_16_other_sockets_tell_nothing),
        cmocka_unit_test(test_what_is_broken_off_is_told_also_to_who_is_slow),
    };

    return RUN(tests);
}
