/* SPDX-License-Identifier: Apache-2.0
 * L0: networks. */
#include "base/net.h"

#include "base/decimal.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define TEXT_MAX 64

/* The bits that a full address has in its own notation; 0: it is none. */
static int parse_address(unsigned char bytes[16], const char *text)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (inet_pton(AF_INET, text, bytes + 12) == 1) {
        memcpy(bytes, mapped, sizeof mapped);
        return 32;
    }
    return inet_pton(AF_INET6, text, bytes) == 1 ? 128 : 0;
}

static bool bit(const unsigned char *bytes, int i)
{
    return bytes[i / 8] >> (7 - i % 8) & 1;
}

bool net_parse(struct net *net, const char *text)
{
    char address[TEXT_MAX];
    size_t len = strcspn(text, "/");
    int64_t bits;

    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    int full = parse_address(net->bytes, address);
    if (!full)
        return false;
    bits = full;
    if (text[len] && (!decimal_parse(text + len + 1, strlen(text + len + 1), &bits) || bits > full))
        return false;
    net->bits = (int)bits + 128 - full;
    for (int i = net->bits; i < 128; i++)
        if (bit(net->bytes, i))
            return false;
    return true;
}

bool net_has(const struct net *net, const char *address)
{
    unsigned char bytes[16];

    if (!parse_address(bytes, address))
        return false;
    for (int i = 0; i < net->bits; i++)
        if (bit(net->bytes, i) != bit(bytes, i))
            return false;
    return true;
}
