/* SPDX-License-Identifier: Apache-2.0
 * L2: where an address of the Internet is. */
#include "remote/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

struct block {
    uint32_t first;
    int bits;
    enum address_class class;
};

static enum address_class class_v4(uint32_t ip)
{
    static const struct block blocks[] = {
        {0x00000000, 8, ADDRESS_LOOPBACK}, {0x0a000000, 8, ADDRESS_PRIVATE},
        {0x64400000, 10, ADDRESS_PRIVATE}, {0x7f000000, 8, ADDRESS_LOOPBACK},
        {0xa9fe0000, 16, ADDRESS_LOCAL},   {0xac100000, 12, ADDRESS_PRIVATE},
        {0xc0000000, 24, ADDRESS_LOCAL},   {0xc0a80000, 16, ADDRESS_PRIVATE},
        {0xe0000000, 3, ADDRESS_LOCAL}, /* multicast, and what is behind */
    };

    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (ip >> (32 - blocks[i].bits) == blocks[i].first >> (32 - blocks[i].bits))
            return blocks[i].class;
    return ADDRESS_PUBLIC;
}

static uint32_t v4_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum address_class class_v6(const struct in6_addr *ip)
{
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    const uint8_t *bytes = ip->s6_addr;

    if (IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_UNSPECIFIED(ip))
        return ADDRESS_LOOPBACK;
    if (IN6_IS_ADDR_V4MAPPED(ip) || IN6_IS_ADDR_V4COMPAT(ip) || !memcmp(bytes, nat64, sizeof nat64))
        return class_v4(v4_at(bytes + 12));
    if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4 */
        return class_v4(v4_at(bytes + 2));
    if ((bytes[0] & 0xfe) == 0xfc || IN6_IS_ADDR_SITELOCAL(ip))
        return ADDRESS_PRIVATE;
    return (bytes[0] & 0xe0) == 0x20 ? ADDRESS_PUBLIC : ADDRESS_LOCAL;
}

enum address_class address_class_of(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        return class_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        return class_v6(&v6.sin6_addr);
    }
    return ADDRESS_LOCAL;
}

bool address_class_parse(const char *host, enum address_class *class)
{
    struct in_addr v4;
    struct in6_addr v6;

    /* inet_aton takes 127.1 and 0x7f000001, too, as those do who connect. */
    if (inet_aton(host, &v4))
        *class = class_v4(ntohl(v4.s_addr));
    else if (inet_pton(AF_INET6, host, &v6) == 1)
        *class = class_v6(&v6);
    else
        return false;
    return true;
}

bool address_may_lead(enum address_class from, enum address_class to)
{
    return to == ADDRESS_PUBLIC || to == from ||
           (from == ADDRESS_LOOPBACK && to == ADDRESS_PRIVATE);
}
