/* SPDX-License-Identifier: Apache-2.0
 * cgi-bin/peer.c */
#include "unit/unit.h"

#include "peer.h"

#include <netinet/in.h>
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_16_who_is_named_may_connect),
        cmocka_unit_test(test_16_names_that_nobody_has),
        cmocka_unit_test(test_16_other_sockets_tell_nothing),
    };

    return RUN(tests);
}
