/* SPDX-License-Identifier: Apache-2.0
 *
 * Where an address of the Internet is: whoever is redirected from outside is not to be led to a
 * service that only this host or this network may see, such as the passwords of a cloud's machine
 * at 169.254.169.254.
 */
#ifndef BERTH_REMOTE_ADDRESS_H
#define BERTH_REMOTE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum address_class {
    ADDRESS_PUBLIC,
    ADDRESS_PRIVATE,  /* RFC 1918, RFC 4193, RFC 6598 */
    ADDRESS_LOOPBACK, /* and 0.0.0.0/8, which is this host as well */
    ADDRESS_LOCAL,    /* of one link, to many at once, or nobody's */
};

/* Addresses of IPv4 that are written in IPv6 (RFC 4291, RFC 6052, RFC 3056) are of their own class.
 * What is neither is ADDRESS_LOCAL. */
enum address_class address_class_of(const struct sockaddr *address);
/* The same of an address in digits. False: it is a name. */
bool address_class_parse(const char *host, enum address_class *class);

/* Whether one at `from` may lead to one at `to`: to a public one, to one of its own class, and this
 * host into its own network. */
bool address_may_lead(enum address_class from, enum address_class to);

#endif
