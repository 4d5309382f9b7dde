/* SPDX-License-Identifier: Apache-2.0
 * L1: running hashes over OpenSSL's libcrypto (the only user of openssl/sha.h and openssl/evp.h).
 */
#include "config.h"

#include "oci/digester.h"

#include "base/hex.h"
#include "base/mem.h"

#ifdef HAVE_SHA256_CTX
/* EVP cannot export a state between two requests; the older interface can. It is deprecated, but
 * present in all OpenSSL 3 releases and as fast. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#endif
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

struct digester_state {
    EVP_MD_CTX *evp; /* NULL: sha256 is used */
#ifdef HAVE_SHA256_CTX
    SHA256_CTX sha256;
#endif
};

/* libcrypto fails here only without memory or without the algorithm: either way nothing can be
 * verified. */
static void must(int ok)
{
    if (!ok)
        abort();
}

#ifdef HAVE_SHA256_CTX
static bool uses_sha256_ctx(const struct digester *digester)
{
    return !digester->state->evp;
}
#endif

void digester_init(struct digester *digester, enum digest_algorithm algorithm)
{
    digester->algorithm = algorithm;
    digester->state = mem_alloc(sizeof *digester->state);
#ifdef HAVE_SHA256_CTX
    if (algorithm == DIGEST_SHA256) {
        must(SHA256_Init(&digester->state->sha256));
        return;
    }
#endif
    digester->state->evp = EVP_MD_CTX_new();
    must(digester->state->evp != NULL);
    must(EVP_DigestInit_ex(digester->state->evp,
                           algorithm == DIGEST_SHA256 ? EVP_sha256() : EVP_sha512(), NULL));
}

void digester_update(struct digester *digester, const void *bytes, size_t len)
{
#ifdef HAVE_SHA256_CTX
    if (uses_sha256_ctx(digester)) {
        must(SHA256_Update(&digester->state->sha256, bytes, len));
        return;
    }
#endif
    must(EVP_DigestUpdate(digester->state->evp, bytes, len));
}

void digester_final(struct digester *digester, struct digest *digest)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];

#ifdef HAVE_SHA256_CTX
    if (uses_sha256_ctx(digester))
        must(SHA256_Final(raw, &digester->state->sha256));
    else
#endif
        must(EVP_DigestFinal_ex(digester->state->evp, raw, NULL));
    hex_encode(hex, raw, digest_size(digester->algorithm));
    must(digest_from_hex(digest, digester->algorithm, hex, NULL) == 0);
}

void digester_free(struct digester *digester)
{
    if (digester->state)
        EVP_MD_CTX_free(digester->state->evp);
    free(digester->state);
    digester->state = NULL;
}

#ifdef HAVE_SHA256_CTX
#define SHA256_WORDS 8
#define SHA256_BLOCK 64

/* "<the eight words of the state> <the bytes that do not yet fill a block>", both hex, big-endian.
 */
bool digester_save(const struct digester *digester, struct buf *out)
{
    if (!uses_sha256_ctx(digester))
        return false;
    const SHA256_CTX *ctx = &digester->state->sha256;
    char rest[2 * SHA256_BLOCK + 1];
    for (int i = 0; i < SHA256_WORDS; i++)
        buf_addf(out, "%08x", ctx->h[i]);
    hex_encode(rest, (const unsigned char *)ctx->data, ctx->num);
    buf_addf(out, " %s", rest);
    return true;
}

bool digester_restore(struct digester *digester, const char *saved, int64_t count)
{
    unsigned char words[4 * SHA256_WORDS];
    unsigned char rest[SHA256_BLOCK];
    size_t num = (size_t)(count % SHA256_BLOCK);

    if (!uses_sha256_ctx(digester) || strlen(saved) != 2 * sizeof words + 1 + 2 * num ||
        !hex_decode(words, saved, sizeof words) || saved[2 * sizeof words] != ' ' ||
        !hex_decode(rest, saved + 2 * sizeof words + 1, num))
        return false;
    SHA256_CTX *ctx = &digester->state->sha256;
    for (int i = 0; i < SHA256_WORDS; i++)
        ctx->h[i] = (unsigned)words[4 * i] << 24 | (unsigned)words[4 * i + 1] << 16 |
                    (unsigned)words[4 * i + 2] << 8 | words[4 * i + 3];
    memcpy(ctx->data, rest, num);
    ctx->num = (unsigned)num;
    /* The length so far, in bits, in two words. */
    ctx->Nl = (SHA_LONG)((uint64_t)count << 3);
    ctx->Nh = (SHA_LONG)((uint64_t)count >> 29);
    return true;
}
#else
bool digester_save(const struct digester *digester, struct buf *out)
{
    (void)digester;
    (void)out;
    return false;
}

bool digester_restore(struct digester *digester, const char *saved, int64_t count)
{
    (void)digester;
    (void)saved;
    (void)count;
    return false;
}
#endif

void digester_of(struct digest *digest, enum digest_algorithm algorithm, const void *bytes,
                 size_t len)
{
    AUTO_DIGESTER digester;

    digester_init(&digester, algorithm);
    digester_update(&digester, bytes, len);
    digester_final(&digester, digest);
}
