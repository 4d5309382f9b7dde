/* SPDX-License-Identifier: Apache-2.0
 *
 * PEM files (RFC 7468): keys and certificates as blocks of DER, each with its kind.
 */
#ifndef BERTH_AUTH_PEM_H
#define BERTH_AUTH_PEM_H

#include "base/buf.h"

#include <stdbool.h>

#define PEM_KIND_CERTIFICATE "CERTIFICATE"
#define PEM_KIND_PUBLIC_KEY "PUBLIC KEY"
#define PEM_KIND_PRIVATE_KEY "PRIVATE KEY" /* what all kinds of private keys end in */

/* Calls visit for each block in the text. Blocks that have a passphrase are passed over: a server
 * cannot ask for it. */
typedef void pem_visit(void *context, const char *kind, const unsigned char *der, long len);
void pem_each(const struct buf *text, pem_visit *visit, void *context);

/* Appends a block. */
void pem_add(struct buf *text, const char *kind, const unsigned char *der, long len);
/* The same for a private key of libcrypto's (EVP_PKEY), as PKCS #8. False if it has none. */
struct evp_pkey_st;
bool pem_add_key(struct buf *text, struct evp_pkey_st *key);

#endif
