/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks: an address of IPv4 or IPv6, alone or with a number of bits, like 10.0.0.0/8.
 */
#ifndef BERTH_BASE_NET_H
#define BERTH_BASE_NET_H

#include <stdbool.h>

struct net {
    unsigned char bytes[16]; /* of IPv4 as IPv6 has them: ::ffff:a.b.c.d */
    int bits;
};

/* False: it is none. Bits of the address that lie outside of the network are a mistake, too. */
bool net_parse(struct net *net, const char *text);
/* Whether an address is in it; what is no address is in none. */
bool net_has(const struct net *net, const char *address);

#endif
