/* SPDX-License-Identifier: Apache-2.0
 * Networks. */
#include "base/net.h"
#include "unit/unit.h"

static bool has(const char *network, const char *address)
{
    struct net net;

    assert_true(net_parse(&net, network));
    return net_has(&net, address);
}

static void test_which_addresses(void **state)
{
    (void)state;
    assert_true(has("127.0.0.1", "127.0.0.1"));
    assert_false(has("127.0.0.1", "127.0.0.2"));
    assert_true(has("10.0.0.0/8", "10.255.3.4"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("192.168.4.0/23", "192.168.5.255"));
    assert_false(has("192.168.4.0/23", "192.168.6.0"));
    assert_true(has("0.0.0.0/0", "1.2.3.4"));
    assert_false(has("0.0.0.0/0", "::1"));
    assert_true(has("::/0", "fe80::1"));
    assert_true(has("fd00::/8", "fdff::1"));
    assert_false(has("fd00::/8", "fe00::1"));
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(has("::1", "0:0:0:0:0:0:0:1"));
}

static void test_what_is_no_address_is_in_none(void **state)
{
    (void)state;
    assert_false(has("::/0", "unix:"));
    assert_false(has("::/0", ""));
    assert_false(has("0.0.0.0/0", "10.0.0.1:80"));
    assert_false(has("0.0.0.0/0", "10.0.0"));
}

static void test_what_is_no_network(void **state)
{
    static const char *const texts[] = {
        "",
        "localhost",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0.0/-1",
        "10.0/16",
        "::1/127",
        "::/129",
        "/8",
        "1.2.3.4 ",
        "10.0.0.0/8/8",
        "0123456789012345678901234567890123456789012345678901234567890123456789"};
    struct net net;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_false(net_parse(&net, texts[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_addresses),
        cmocka_unit_test(test_what_is_no_address_is_in_none),
        cmocka_unit_test(test_what_is_no_network),
    };

    return RUN(tests);
}
