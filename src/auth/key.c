/* SPDX-License-Identifier: Apache-2.0
 * L2: signing keys over libcrypto (the only user of openssl/ec.h, rsa.h, x509.h). */
#include "auth/key.h"

#include "auth/pem.h"
#include "base/mem.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* a longer one takes too long, at each token */
#define ES256_HALF 32

struct key {
    EVP_PKEY *pkey;
    const char *algorithm;
    char *id;
};

static bool rsa_fits(EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);

    return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

/* The one algorithm that such a key may be used with; NULL for other kinds. */
static const char *algorithm_of(EVP_PKEY *pkey)
{
    char group[32] = "";

    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_ED25519:
        return "EdDSA";
    case EVP_PKEY_EC:
        EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL);
        return !strcmp(group, "prime256v1") ? "ES256" : NULL;
    case EVP_PKEY_RSA:
        return rsa_fits(pkey) ? "RS256" : NULL;
    default:
        return NULL;
    }
}

/* What a signature can be trusted to: an RSA exponent of 1 verifies what anybody writes. */
static bool is_sound(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool sound = ctx && EVP_PKEY_public_check(ctx) > 0;

    EVP_PKEY_CTX_free(ctx);
    return sound;
}

/* Takes pkey over. NULL if it is of no use. */
static struct key *key_of(EVP_PKEY *pkey, const char *id)
{
    const char *algorithm = pkey ? algorithm_of(pkey) : NULL;

    if (!algorithm || !is_sound(pkey)) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    struct key *key = mem_alloc(sizeof *key);
    *key = (struct key){pkey, algorithm, mem_strdup(id)};
    return key;
}

struct key *key_of_ed25519(const void *x, size_t len, const char *id)
{
    return key_of(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, len), id);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (ctx && params && EVP_PKEY_fromdata_init(ctx) > 0)
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

struct key *key_of_p256(const void *x, const void *y, const char *id)
{
    unsigned char point[1 + 2 * ES256_HALF] = {POINT_CONVERSION_UNCOMPRESSED};
    char group[] = "prime256v1";

    memcpy(point + 1, x, ES256_HALF);
    memcpy(point + 1 + ES256_HALF, y, ES256_HALF);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    return key_of(from_params("EC", params), id);
}

struct key *key_of_rsa(const void *n, size_t n_len, const void *e, size_t e_len, const char *id)
{
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL);
    BIGNUM *exponent = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;

    if (modulus && exponent && build &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
        params = OSSL_PARAM_BLD_to_param(build);
    struct key *key = key_of(from_params("RSA", params), id);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *read_block(const char *kind, const unsigned char *der, long len)
{
    EVP_PKEY *pkey = NULL;

    if (!strcmp(kind, PEM_KIND_PUBLIC_KEY))
        return d2i_PUBKEY(NULL, &der, len);
    if (!strcmp(kind, PEM_KIND_CERTIFICATE)) {
        X509 *certificate = d2i_X509(NULL, &der, len);
        if (certificate)
            pkey = X509_get_pubkey(certificate);
        X509_free(certificate);
        return pkey;
    }
    if (strstr(kind, PEM_KIND_PRIVATE_KEY))
        return d2i_AutoPrivateKey(NULL, &der, len);
    return NULL;
}

struct key *key_of_der(const char *kind, const unsigned char *der, long len, const char *id)
{
    return key_of(read_block(kind, der, len), id);
}

int key_generate(const char *algorithm, struct buf *pem, struct err *err)
{
    bool ed25519 = !strcmp(algorithm, "EdDSA");

    if (!ed25519 && strcmp(algorithm, "ES256") != 0)
        return err_set(err, ERR_USAGE, "\"%s\": keys are made for EdDSA or ES256", algorithm);
    EVP_PKEY *pkey = ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                             : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    bool made = pkey && pem_add_key(pem, pkey);
    EVP_PKEY_free(pkey);
    return made ? 0 : err_set(err, ERR_INTERNAL, "libcrypto made no key");
}

void key_free(struct key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key->id);
    free(key);
}

const char *key_id(const struct key *key)
{
    return key->id;
}

const char *key_algorithm(const struct key *key)
{
    return key->algorithm;
}

static bool is_es256(const struct key *key)
{
    return !strcmp(key->algorithm, "ES256");
}

/* EdDSA hashes by itself. */
static const EVP_MD *message_digest(const struct key *key)
{
    return strcmp(key->algorithm, "EdDSA") ? EVP_sha256() : NULL;
}

/* libcrypto speaks DER, JWS the two numbers one after the other. */
static bool es256_to_jws(const unsigned char *der, size_t len, struct buf *signature)
{
    unsigned char raw[2 * ES256_HALF];
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, ES256_HALF) == ES256_HALF &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + ES256_HALF, ES256_HALF) == ES256_HALF;

    if (ok)
        buf_add(signature, raw, sizeof raw);
    ECDSA_SIG_free(sig);
    return ok;
}

static int es256_to_der(const unsigned char *raw, unsigned char **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, ES256_HALF, NULL);
    BIGNUM *s = BN_bin2bn(raw + ES256_HALF, ES256_HALF, NULL);
    int len = -1;

    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        len = i2d_ECDSA_SIG(sig, der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len;
}

int key_sign(const struct key *key, const void *bytes, size_t len, struct buf *signature,
             struct err *err)
{
    unsigned char raw[512];
    size_t raw_len = sizeof raw;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, message_digest(key), NULL, key->pkey) > 0 &&
              EVP_DigestSign(ctx, raw, &raw_len, bytes, len) > 0;

    EVP_MD_CTX_free(ctx);
    if (ok && is_es256(key))
        ok = es256_to_jws(raw, raw_len, signature);
    else if (ok)
        buf_add(signature, raw, raw_len);
    return ok ? 0 : err_set(err, ERR_INTERNAL, "the key %s cannot sign", key->id);
}

bool key_verify(const struct key *key, const void *bytes, size_t len, const void *signature,
                size_t signature_len)
{
    unsigned char *der = NULL;

    if (is_es256(key)) {
        if (signature_len != 2 * (size_t)ES256_HALF)
            return false;
        int der_len = es256_to_der(signature, &der);
        if (der_len < 0)
            return false;
        signature = der;
        signature_len = (size_t)der_len;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, message_digest(key), NULL, key->pkey) > 0 &&
              EVP_DigestVerify(ctx, signature, signature_len, bytes, len) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    return ok;
}
