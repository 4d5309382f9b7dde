/* SPDX-License-Identifier: Apache-2.0
 * api/client.c: whose address counts, and whether it is certain that it is the client's. */
#include "unit/unit.h"

#include "api/client.h"

#define PROXY "REMOTE_ADDR=127.0.0.1"
#define FOR "HTTP_X_FORWARDED_FOR="

static char local[] = "127.0.0.1", inner[] = "10.0.0.0/8", *trusted[] = {local, inner};
static const struct client_settings settings = {.trusted_proxies = {.v = trusted, .n = 2}};

static void assert_client(const char *address, bool hidden, const char *const *variables)
{
    struct request request;

    assert_returns(0, request_init(&request, (char *const *)variables, NULL, NULL, &failure));
    assert_string_equal(address, client_address(&request, &settings));
    assert_int_equal(hidden, client_is_hidden(&request, &settings));
    request_free(&request);
}
#define CLIENT(address, hidden, ...)                                                               \
    assert_client(address, hidden, (const char *const[]){__VA_ARGS__, NULL})

static void test_the_last_that_is_no_proxys(void **state)
{
    (void)state;
    CLIENT("127.0.0.1", false, PROXY);
    CLIENT("192.0.2.1", false, PROXY, FOR "192.0.2.1");
    CLIENT("192.0.2.1", false, PROXY, FOR "127.0.0.1, 192.0.2.1,10.1.1.1");
    CLIENT("10.1.1.2", false, PROXY, FOR "10.1.1.2, 10.1.1.1");
    CLIENT("192.0.2.9", false, "REMOTE_ADDR=192.0.2.9");
    CLIENT("192.0.2.9", true, "REMOTE_ADDR=192.0.2.9", FOR "10.1.1.1");
}

/* HAProxy adds a line of its own behind that of the client, and nginx 1.22 hands over both. */
static void test_lines_are_one_list(void **state)
{
    (void)state;
    CLIENT("192.0.2.1", true, PROXY, FOR "127.0.0.1", FOR "192.0.2.1");
    CLIENT("192.0.2.1", true, PROXY, FOR "127.0.0.1", FOR "192.0.2.1", FOR "10.1.1.1");
}

/* Who cannot be told is not the proxy. */
static void test_a_proxy_that_does_not_say(void **state)
{
    (void)state;
    CLIENT("127.0.0.1", true, PROXY, FOR "fe80::1%eth0");
    CLIENT("127.0.0.1", true, PROXY, FOR "unix:");
    CLIENT("127.0.0.1", true, PROXY, FOR ",");
    CLIENT("10.1.1.1", true, PROXY, FOR "192.0.2.0/24, 10.1.1.1");
    CLIENT("127.0.0.1", true, PROXY, "HTTP_FORWARDED=for=192.0.2.1");
    CLIENT("127.0.0.1", true, PROXY, "HTTP_X_REAL_IP=192.0.2.1");
    CLIENT("192.0.2.1", false, PROXY, FOR "192.0.2.1", "HTTP_VIA=1.1 proxy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_that_is_no_proxys),
        cmocka_unit_test(test_lines_are_one_list),
        cmocka_unit_test(test_a_proxy_that_does_not_say),
    };

    return RUN(tests);
}
