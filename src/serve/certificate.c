/* SPDX-License-Identifier: Apache-2.0
 * L5: certificates over libcrypto (the only user of openssl/x509v3.h, rand.h). */
#include "serve/certificate.h"

#include "auth/pem.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTHORITY_DAYS 3652
#define SERVER_DAYS 396      /* clients refuse 399 and more */
#define BACKDATE_SECONDS 300 /* for clients whose clocks are a little behind */
#define DAY_SECONDS 86400
#define SERIAL_BYTES 16

void certificate_wipe(struct buf *key)
{
    if (key->s)
        explicit_bzero(key->s, key->cap);
    buf_free(key);
}

/* What a text holds, as far as it has been looked for. */
struct found {
    X509 *certificate;
    EVP_PKEY *key;
};

static void free_found(struct found *found)
{
    X509_free(found->certificate);
    EVP_PKEY_free(found->key);
}
#define AUTO_FOUND __attribute__((cleanup(free_found))) struct found

static void find_certificate(void *context, const char *kind, const unsigned char *der, long len)
{
    struct found *found = context;

    if (!found->certificate && !strcmp(kind, PEM_KIND_CERTIFICATE))
        found->certificate = d2i_X509(NULL, &der, len);
}

static void find_key(void *context, const char *kind, const unsigned char *der, long len)
{
    struct found *found = context;

    if (!found->key && strstr(kind, PEM_KIND_PRIVATE_KEY))
        found->key = d2i_AutoPrivateKey(NULL, &der, len);
}

/* Either text may be NULL. */
static struct found parse(const struct buf *certificate, const struct buf *key)
{
    struct found found = {0};

    if (certificate)
        pem_each(certificate, find_certificate, &found);
    if (key)
        pem_each(key, find_key, &found);
    return found;
}

int certificate_check_pair(const struct buf *certificate, const struct buf *key, struct err *err)
{
    AUTO_FOUND found = parse(certificate, key);

    if (!found.certificate)
        return err_set(err, ERR_CONFIG, "no certificate in PEM");
    if (!found.key)
        return err_set(err, ERR_CONFIG, "no private key in PEM without a passphrase");
    if (X509_check_private_key(found.certificate, found.key) != 1)
        return err_set(err, ERR_CONFIG, "the key is not that of the certificate");
    return 0;
}

time_t certificate_end(const struct buf *certificate)
{
    AUTO_FOUND found = parse(certificate, NULL);
    struct tm tm;

    if (!found.certificate || !ASN1_TIME_to_tm(X509_get0_notAfter(found.certificate), &tm))
        return -1;
    return timegm(&tm);
}

void certificate_fingerprint(const struct buf *certificate, char out[CERTIFICATE_FINGERPRINT_SIZE])
{
    AUTO_FOUND found = parse(certificate, NULL);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    out[0] = '\0';
    if (!found.certificate || !X509_digest(found.certificate, EVP_sha256(), digest, &len))
        return;
    for (unsigned i = 0; i < len && 3 * (i + 1) < CERTIFICATE_FINGERPRINT_SIZE + 1; i++)
        snprintf(out + (size_t)3 * i, 4, i + 1 < len ? "%02X:" : "%02X", digest[i]);
}

static bool is_label(const char *label, size_t len)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    return len > 0 && len <= 63 && label[0] != '-' && label[len - 1] != '-' &&
           strspn(label, allowed) == len;
}

/* Clients hold anything else for malformed, or never compare it. */
static bool is_dns_name(const char *name)
{
    if (strlen(name) > 253)
        return false;
    if (!strncmp(name, "*.", 2))
        name += 2;
    for (;; name++) {
        size_t len = strcspn(name, ".");
        if (!is_label(name, len))
            return false;
        if (!name[len])
            return strspn(name, "0123456789") < len; /* else the end of an address */
        name += len;
    }
}

bool certificate_name_valid(const char *name)
{
    unsigned char address[16];

    if (!strncmp(name, "DNS:", 4))
        return is_dns_name(name + 4);
    return !strncmp(name, "IP:", 3) && (inet_pton(AF_INET, name + 3, address) == 1 ||
                                        inet_pton(AF_INET6, name + 3, address) == 1);
}

static bool add_name(GENERAL_NAMES *list, const char *name)
{
    bool dns = !strncmp(name, "DNS:", 4);
    GENERAL_NAME *general =
        certificate_name_valid(name)
            ? a2i_GENERAL_NAME(NULL, NULL, NULL, dns ? GEN_DNS : GEN_IPADD, name + (dns ? 4 : 3), 0)
            : NULL;

    if (general && sk_GENERAL_NAME_push(list, general) > 0)
        return true;
    GENERAL_NAME_free(general);
    return false;
}

/* subjectAltName. */
static bool add_names(X509 *certificate, const struct strings *names)
{
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    bool ok = list != NULL;

    for (size_t i = 0; ok && i < names->n; i++)
        ok = add_name(list, names->v[i]);
    ok = ok && X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, 0) == 1;
    GENERAL_NAMES_free(list);
    return ok;
}

static bool add_extension(X509V3_CTX *ctx, X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return ok;
}

static bool set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];
    BIGNUM *number = NULL;

    if (RAND_bytes(bytes, sizeof bytes) == 1) {
        bytes[0] &= 0x7f; /* positive, and never zero */
        bytes[0] |= 0x40;
        number = BN_bin2bn(bytes, sizeof bytes, NULL);
    }
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static bool set_subject(X509 *certificate, const char *name)
{
    /* A common name has at most 64 characters. */
    int len = strlen(name) > 64 ? 64 : (int)strlen(name);

    return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                      MBSTRING_UTF8, (const unsigned char *)name, len, -1, 0) == 1;
}

/* What all certificates have; the issuer is another or the certificate itself. */
static X509 *begin(const char *name, X509 *issuer, EVP_PKEY *key, time_t end)
{
    X509 *certificate = X509_new();
    time_t start = time(NULL) - BACKDATE_SECONDS;

    if (certificate && X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
        set_subject(certificate, name) &&
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate)) &&
        ASN1_TIME_set(X509_getm_notBefore(certificate), start) &&
        ASN1_TIME_set(X509_getm_notAfter(certificate), end) && X509_set_pubkey(certificate, key))
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool print(X509 *x509, EVP_PKEY *pkey, struct buf *certificate, struct buf *key)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);

    if (len > 0)
        pem_add(certificate, PEM_KIND_CERTIFICATE, der, len);
    OPENSSL_free(der);
    return pem_add_key(key, pkey) && certificate->len > 0;
}

int certificate_make_authority(const char *name, struct buf *certificate, struct buf *key,
                               struct err *err)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    time_t end = time(NULL) + (time_t)AUTHORITY_DAYS * DAY_SECONDS;
    X509 *x509 = pkey ? begin(name, NULL, pkey, end) : NULL;
    X509V3_CTX ctx;
    bool ok = x509 != NULL;

    X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
    ok = ok && add_extension(&ctx, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         add_extension(&ctx, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
         add_extension(&ctx, x509, NID_subject_key_identifier, "hash") &&
         X509_sign(x509, pkey, EVP_sha256()) > 0 && print(x509, pkey, certificate, key);
    X509_free(x509);
    EVP_PKEY_free(pkey);
    return ok ? 0 : err_set(err, ERR_INTERNAL, "libcrypto made no authority");
}

static bool sign_for(X509 *x509, const struct found *authority, const struct strings *names)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, authority->certificate, x509, NULL, NULL, 0);
    return add_extension(&ctx, x509, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(&ctx, x509, NID_key_usage, "critical,digitalSignature") &&
           add_extension(&ctx, x509, NID_ext_key_usage, "serverAuth") &&
           add_extension(&ctx, x509, NID_subject_key_identifier, "hash") &&
           add_extension(&ctx, x509, NID_authority_key_identifier, "keyid:always") &&
           add_names(x509, names) && X509_sign(x509, authority->key, EVP_sha256()) > 0;
}

int certificate_issue(const struct buf *authority, const struct buf *authority_key,
                      const struct strings *names, struct buf *certificate, struct buf *key,
                      struct err *err)
{
    time_t now = time(NULL);
    time_t end = now + (time_t)SERVER_DAYS * DAY_SECONDS;
    time_t authority_end = certificate_end(authority);

    if (certificate_check_pair(authority, authority_key, err) < 0)
        return -1;
    if (authority_end <= now)
        return err_set(err, ERR_CONFIG, "the authority's certificate has expired");
    AUTO_FOUND by = parse(authority, authority_key);
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x509 =
        pkey ? begin("berth", by.certificate, pkey, end < authority_end ? end : authority_end)
             : NULL;
    bool ok = x509 && sign_for(x509, &by, names) && print(x509, pkey, certificate, key);
    X509_free(x509);
    EVP_PKEY_free(pkey);
    return ok ? 0 : err_set(err, ERR_INTERNAL, "libcrypto made no certificate");
}

static void list_name(const GENERAL_NAME *general, struct strings *names)
{
    char text[300] = "", address[INET6_ADDRSTRLEN];

    if (general->type == GEN_DNS) {
        snprintf(text, sizeof text, "DNS:%.*s", ASN1_STRING_length(general->d.dNSName),
                 (const char *)ASN1_STRING_get0_data(general->d.dNSName));
    } else if (general->type == GEN_IPADD) {
        int family = ASN1_STRING_length(general->d.iPAddress) == 4 ? AF_INET : AF_INET6;
        if (inet_ntop(family, ASN1_STRING_get0_data(general->d.iPAddress), address, sizeof address))
            snprintf(text, sizeof text, "IP:%s", address);
    }
    strings_add(names, text);
}

static bool has_names(X509 *x509, const struct strings *names)
{
    GENERAL_NAMES *list = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    AUTO_STRINGS has = {0};

    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++)
        list_name(sk_GENERAL_NAME_value(list, i), &has);
    GENERAL_NAMES_free(list);
    strings_sort(&has);
    bool same = has.n == names->n;
    for (size_t i = 0; same && i < has.n; i++)
        same = !strcmp(has.v[i], names->v[i]);
    return same;
}

bool certificate_serves(const struct buf *certificate, const struct buf *key,
                        const struct buf *authority, const struct strings *names, time_t until)
{
    AUTO_FOUND found = parse(certificate, key);
    AUTO_FOUND by = parse(authority, NULL);

    return found.certificate && found.key && by.certificate &&
           X509_check_private_key(found.certificate, found.key) == 1 &&
           X509_check_issued(by.certificate, found.certificate) == X509_V_OK &&
           X509_verify(found.certificate, X509_get0_pubkey(by.certificate)) == 1 &&
           X509_cmp_current_time(X509_get0_notBefore(found.certificate)) < 0 &&
           X509_cmp_time(X509_get0_notAfter(found.certificate), &until) > 0 &&
           has_names(found.certificate, names);
}
