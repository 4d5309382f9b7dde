/* SPDX-License-Identifier: Apache-2.0
 * L2: PEM over libcrypto (the only user of openssl/pem.h, bio.h). */
#include "auth/pem.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

static int no_passphrase(char *out, int size, int writing, void *context)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

void pem_each(const struct buf *text, pem_visit *visit, void *context)
{
    BIO *bio = BIO_new_mem_buf(text->s, (int)text->len);
    char *kind = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len;

    while (bio && PEM_read_bio(bio, &kind, &header, &der, &len) > 0) {
        EVP_CIPHER_INFO cipher;
        if (PEM_get_EVP_CIPHER_INFO(header, &cipher) &&
            PEM_do_header(&cipher, der, &len, no_passphrase, NULL))
            visit(context, kind, der, len);
        OPENSSL_free(kind);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)len);
    }
    BIO_free(bio);
}

void pem_add(struct buf *text, const char *kind, const unsigned char *der, long len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;

    if (bio && PEM_write_bio(bio, kind, "", der, len) > 0) {
        long written = BIO_get_mem_data(bio, &bytes);
        buf_add(text, bytes, (size_t)written);
    }
    BIO_free(bio);
}

bool pem_add_key(struct buf *text, struct evp_pkey_st *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;
    long len = 0;

    if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        len = BIO_get_mem_data(bio, &bytes);
    if (len > 0)
        buf_add(text, bytes, (size_t)len);
    BIO_free(bio);
    return len > 0;
}
