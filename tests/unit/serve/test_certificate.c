/* SPDX-License-Identifier: Apache-2.0
 * auth/certificate.c: an authority of one's own. (Whether others take its certificates, and which
 * pairs are refused: tests/admin/test_serve_tls.py.) */
#include "unit/unit.h"

#include "auth/pem.h"
#include "base/mem.h"
#include "serve/certificate.h"

#include <stdlib.h>
#include <time.h>

#define DAY ((time_t)86400)

struct pair {
    struct buf certificate, key;
};

static void free_pair(struct pair *pair)
{
    buf_free(&pair->certificate);
    certificate_wipe(&pair->key);
}

static void make_authority(struct pair *authority)
{
    assert_returns(
        0, certificate_make_authority("CA", &authority->certificate, &authority->key, &failure));
}

static void issue(const struct pair *authority, const struct strings *names, struct pair *server)
{
    assert_returns(0, certificate_issue(&authority->certificate, &authority->key, names,
                                        &server->certificate, &server->key, &failure));
}

static void test_what_serves(void **state)
{
    struct strings names = {0}, fewer = {0};
    struct pair authority = {0}, other = {0}, server = {0}, second = {0};
    time_t now = time(NULL);

    (void)state;
    strings_add(&names, "DNS:a.example");
    strings_add(&names, "IP:2001:db8::1");
    strings_add(&fewer, "DNS:a.example");
    make_authority(&authority);
    make_authority(&other);
    issue(&authority, &names, &server);
    issue(&authority, &names, &second);
    const struct buf *by = &authority.certificate;
    assert_true(certificate_serves(&server.certificate, &server.key, by, &names, now));
    assert_true(certificate_serves(&server.certificate, &server.key, by, &names, now + 395 * DAY));
    assert_false(certificate_serves(&server.certificate, &server.key, by, &names, now + 397 * DAY));
    assert_false(certificate_serves(&server.certificate, &second.key, by, &names, now));
    assert_false(certificate_serves(&server.certificate, &server.key, by, &fewer, now));
    assert_false(certificate_serves(&server.certificate, &server.key, &other.certificate, &names,
                                    now)); /* of the same name */
    assert_false(certificate_serves(by, &authority.key, &server.certificate, &names, now));
    strings_free(&names);
    strings_free(&fewer);
    free_pair(&authority);
    free_pair(&other);
    free_pair(&server);
    free_pair(&second);
}

/* Adds a block again with another last byte, which is one of the signature's. */
static void damage(void *context, const char *kind, const unsigned char *der, long len)
{
    unsigned char *copy = mem_alloc((size_t)len);

    memcpy(copy, der, (size_t)len);
    copy[len - 1] ^= 1;
    pem_add(context, kind, copy, len);
    free(copy);
}

static void test_signature(void **state)
{
    struct strings names = {0};
    struct pair authority = {0}, server = {0};
    struct buf damaged = BUF_INIT;

    (void)state;
    strings_add(&names, "DNS:a.example");
    make_authority(&authority);
    issue(&authority, &names, &server);
    pem_each(&server.certificate, damage, &damaged);
    assert_true(
        certificate_serves(&server.certificate, &server.key, &authority.certificate, &names, 0));
    assert_false(certificate_serves(&damaged, &server.key, &authority.certificate, &names, 0));
    strings_free(&names);
    free_pair(&authority);
    free_pair(&server);
    buf_free(&damaged);
}

static void test_pairs(void **state)
{
    struct pair one = {0}, two = {0};
    struct buf none = BUF_INIT;

    (void)state;
    make_authority(&one);
    make_authority(&two);
    buf_addstr(&none, "no PEM");
    assert_returns(0, certificate_check_pair(&one.certificate, &one.key, &failure));
    assert_fails(CONFIG, certificate_check_pair(&one.certificate, &two.key, &failure));
    assert_fails(CONFIG, certificate_check_pair(&one.certificate, &none, &failure));
    assert_fails(CONFIG, certificate_check_pair(&none, &one.key, &failure));
    assert_int_equal(-1, certificate_end(&none));
    assert_true(certificate_end(&one.certificate) > time(NULL) + 3650 * DAY);
    buf_free(&none);
    free_pair(&one);
    free_pair(&two);
}

static void test_names(void **state)
{
    static const char *const valid[] = {"DNS:localhost", "DNS:*.example", "DNS:a_b", "IP:::1",
                                        "IP:192.0.2.1"};
    static const char *const invalid[] = {
        "DNS:",    "DNS:a,DNS:b", "DNS:.a",     "DNS:-a",   "DNS:a b",  "DNS:a..b",
        "DNS:a\n", "IP:",         "IP:192.0.2", "IP:[::1]", "a",        "DNS:a.example.",
        "DNS:*",   "DNS:a.*",     "DNS:a*.b",   "DNS:a-.b", "DNS:1.2.3"};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(valid); i++)
        assert_true(certificate_name_valid(valid[i]));
    for (size_t i = 0; i < LENGTH_OF(invalid); i++)
        assert_false(certificate_name_valid(invalid[i]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_serves),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_names),
    };

    return RUN(tests);
}
