/* SPDX-License-Identifier: Apache-2.0
 * What the generator sends. Hashing a layer takes as long as sending it, so all layers of one size
 * begin alike, and only the hash of their end is made again. */
#include "bench/load.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void finish(EVP_MD_CTX *hash, char *digest)
{
    unsigned char bytes[32];

    if (!EVP_DigestFinal_ex(hash, bytes, NULL))
        DIE("no hash");
    memcpy(digest, "sha256:", sizeof "sha256:");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(digest + strlen("sha256:") + 2 * i, 3, "%02x", bytes[i]);
}

static EVP_MD_CTX *begin(void)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    if (!hash || !EVP_DigestInit_ex(hash, EVP_sha256(), NULL))
        DIE("no hash");
    return hash;
}

void content_init(struct content *content, size_t size)
{
    content->size = size > CONTENT_END ? size : CONTENT_END;
    size_t start = content->size - CONTENT_END;
    content->start = malloc(start + 1);
    if (!content->start)
        DIE("no memory for %zu bytes", size);
    for (size_t at = 0; at < start;) {
        ssize_t got = getrandom(content->start + at, start - at, 0);
        if (got < 0)
            DIE("no random bytes");
        at += (size_t)got;
    }
    content->hash = begin();
    EVP_DigestUpdate(content->hash, content->start, start);
}

void content_next(const struct content *content, char *end, struct body *body, char *digest)
{
    EVP_MD_CTX *hash = begin();

    if (getrandom(end, CONTENT_END, 0) != CONTENT_END || !EVP_MD_CTX_copy_ex(hash, content->hash) ||
        !EVP_DigestUpdate(hash, end, CONTENT_END))
        DIE("no hash");
    finish(hash, digest);
    EVP_MD_CTX_free(hash);
    *body = (struct body){content->start, content->size - CONTENT_END, end, CONTENT_END, false};
}

void content_digest(const char *text, size_t len, char *digest)
{
    EVP_MD_CTX *hash = begin();

    EVP_DigestUpdate(hash, text, len);
    finish(hash, digest);
    EVP_MD_CTX_free(hash);
}
