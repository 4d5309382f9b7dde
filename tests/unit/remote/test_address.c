/* SPDX-License-Identifier: Apache-2.0
 * remote/address.c: where an address of the Internet is. */
#include "unit/unit.h"

#include "remote/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static void test_classes(void **state)
{
    static const struct {
        const char *host;
        enum address_class class;
    } table[] = {
        {"8.8.8.8", ADDRESS_PUBLIC},
        {"9.255.255.255", ADDRESS_PUBLIC},
        {"10.0.0.0", ADDRESS_PRIVATE},
        {"10.255.255.255", ADDRESS_PRIVATE},
        {"11.0.0.0", ADDRESS_PUBLIC},
        {"172.15.255.255", ADDRESS_PUBLIC},
        {"172.16.0.0", ADDRESS_PRIVATE},
        {"172.31.255.255", ADDRESS_PRIVATE},
        {"172.32.0.0", ADDRESS_PUBLIC},
        {"192.168.1.1", ADDRESS_PRIVATE},
        {"192.169.0.0", ADDRESS_PUBLIC},
        {"100.64.0.0", ADDRESS_PRIVATE},
        {"100.128.0.0", ADDRESS_PUBLIC},
        {"127.0.0.1", ADDRESS_LOOPBACK},
        {"127.255.255.255", ADDRESS_LOOPBACK},
        {"0.0.0.0", ADDRESS_LOOPBACK},
        {"169.254.169.254", ADDRESS_LOCAL},
        {"169.253.255.255", ADDRESS_PUBLIC},
        {"223.255.255.255", ADDRESS_PUBLIC},
        {"224.0.0.1", ADDRESS_LOCAL},
        {"255.255.255.255", ADDRESS_LOCAL},
        /* As those write them who want to hide one. */
        {"2852039166", ADDRESS_LOCAL},
        {"0xa9fea9fe", ADDRESS_LOCAL},
        {"0177.1", ADDRESS_LOOPBACK},
        {"2606:4700::1", ADDRESS_PUBLIC},
        {"::1", ADDRESS_LOOPBACK},
        {"::", ADDRESS_LOOPBACK},
        {"fd00::1", ADDRESS_PRIVATE},
        {"fec0::1", ADDRESS_PRIVATE},
        {"fe80::1", ADDRESS_LOCAL},
        {"ff02::1", ADDRESS_LOCAL},
        {"::ffff:169.254.169.254", ADDRESS_LOCAL},
        {"::ffff:8.8.8.8", ADDRESS_PUBLIC},
        {"::127.0.0.1", ADDRESS_LOOPBACK},
        {"64:ff9b::a9fe:a9fe", ADDRESS_LOCAL},
        {"64:ff9b::808:808", ADDRESS_PUBLIC},
        {"2002:7f00:1::", ADDRESS_LOOPBACK},
        {"2002:808:808::", ADDRESS_PUBLIC},
    };
    enum address_class class;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        assert_true(address_class_parse(table[i].host, &class));
        if (class != table[i].class)
            fail_msg("%s", table[i].host);
    }
    assert_false(address_class_parse("a.example", &class));
    assert_false(address_class_parse("1.2.3.4.example", &class));
    assert_false(address_class_parse("", &class));
}

static void test_of_sockets(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct sockaddr_un local = {.sun_family = AF_UNIX};

    (void)state;
    inet_pton(AF_INET, "192.168.0.1", &v4.sin_addr);
    inet_pton(AF_INET6, "2606:4700::1", &v6.sin6_addr);
    assert_int_equal(ADDRESS_PRIVATE, address_class_of((struct sockaddr *)&v4));
    assert_int_equal(ADDRESS_PUBLIC, address_class_of((struct sockaddr *)&v6));
    assert_int_equal(ADDRESS_LOCAL, address_class_of((const struct sockaddr *)&local));
}

static void test_who_may_lead_where(void **state)
{
    (void)state;
    for (enum address_class from = ADDRESS_PUBLIC; from <= ADDRESS_LOCAL; from++)
        for (enum address_class to = ADDRESS_PUBLIC; to <= ADDRESS_LOCAL; to++) {
            bool may = to == ADDRESS_PUBLIC || from == to ||
                       (from == ADDRESS_LOOPBACK && to == ADDRESS_PRIVATE);
            assert_int_equal(may, address_may_lead(from, to));
        }
    assert_false(address_may_lead(ADDRESS_PUBLIC, ADDRESS_PRIVATE));
    assert_false(address_may_lead(ADDRESS_PRIVATE, ADDRESS_LOOPBACK));
    assert_false(address_may_lead(ADDRESS_LOOPBACK, ADDRESS_LOCAL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_of_sockets),
        cmocka_unit_test(test_who_may_lead_where),
    };

    return RUN(tests);
}
