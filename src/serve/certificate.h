/* SPDX-License-Identifier: Apache-2.0
 *
 * X.509 certificates (RFC 5280) over libcrypto: an authority of one's own, certificates of servers
 * by it, and whether certificate and key belong together. All in PEM; of several certificates in a
 * text the first counts. Who gets a private key in a buf wipes it (certificate_wipe).
 */
#ifndef BERTH_SERVE_CERTIFICATE_H
#define BERTH_SERVE_CERTIFICATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/strings.h"

#include <stdbool.h>
#include <time.h>

/* ERR_CONFIG unless the key is the certificate's, or if one of the two is missing. */
int certificate_check_pair(const struct buf *certificate, const struct buf *key, struct err *err);

/* Makes an authority: EC P-256, for ten years, for certificates of servers only. */
int certificate_make_authority(const char *name, struct buf *certificate, struct buf *key,
                               struct err *err);

/* A certificate's names are "DNS:registry.example" or "IP:192.0.2.1", sorted as by strings_sort.
 * False if such a name cannot be in a certificate. */
bool certificate_name_valid(const char *name);

/* Makes a server's certificate and key by the authority, EC P-256, for 396 days or until the
 * authority ends. ERR_CONFIG if that has ended. */
int certificate_issue(const struct buf *authority, const struct buf *authority_key,
                      const struct strings *names, struct buf *certificate, struct buf *key,
                      struct err *err);

/* Whether the certificate is by the authority, is valid from now until then, belongs to the key,
 * and is for these names and no others. */
bool certificate_serves(const struct buf *certificate, const struct buf *key,
                        const struct buf *authority, const struct strings *names, time_t until);

/* Seconds since 1970 at which it ends; -1 if there is no certificate. */
time_t certificate_end(const struct buf *certificate);

/* SHA-256 of the certificate, as others print it: "AB:CD:...". "" if there is no certificate. */
#define CERTIFICATE_FINGERPRINT_SIZE 96
void certificate_fingerprint(const struct buf *certificate, char out[CERTIFICATE_FINGERPRINT_SIZE]);

/* Overwrites and frees. */
void certificate_wipe(struct buf *key);

#endif
