/* SPDX-License-Identifier: Apache-2.0
 * remote/realm.c: whom a password is shown to. */
#include "unit/unit.h"

#include "remote/realm.h"

static bool is_allowed(const char *registry, const char *realm)
{
    static const char *const named[] = {"Tokens.example", "other.example:5001", "10.1.2.3"};
    struct url url;
    struct err err = {0};

    assert_true(url_parse(&url, registry));
    int allowed = realm_check(&url, realm, named, LENGTH_OF(named), &err);
    assert_int_equal(allowed < 0 ? ERR_UPSTREAM_REFUSED : ERR_NONE, err.code);
    assert_null(strstr(err.msg, "secret"));
    return allowed == 0;
}

static void test_realms(void **state)
{
    static const struct {
        const char *registry, *realm;
        bool is_allowed;
    } table[] = {
        {"https://registry-1.docker.io", "https://auth.docker.io/token", true},
        {"https://ghcr.io", "https://ghcr.io/token", true},
        {"https://ghcr.io", "https://GHCR.IO:8443/token", true}, /* the same host */
        {"https://quay.io", "https://quay.io.evil.example/token", false},
        {"https://quay.io", "https://evilquay.io/token", false},
        {"https://registry-1.docker.io", "https://docker.io/token", true},
        {"https://registry-1.docker.io", "https://docker.io.evil.example/token", false},
        /* Two owners of one public suffix. */
        {"https://a.co.uk", "https://b.co.uk/token", false},
        {"https://registry.a.co.uk", "https://auth.a.co.uk/token", true},
        {"https://mine.github.io", "https://yours.github.io/token", false},
        {"https://localhost", "https://other/token", false},
        {"https://co.uk", "https://a.co.uk/token", false},
        /* Without TLS no further than the registry itself is. */
        {"https://ghcr.io", "http://ghcr.io/token", false},
        {"https://ghcr.io", "http://tokens.example/token", false},
        {"http://registry.example", "http://registry.example:5001/token", true},
        {"http://registry.example", "https://auth.registry.example/token", true},
        /* Named. */
        {"https://ghcr.io", "https://tokens.example/token", true},
        {"https://ghcr.io", "https://x.tokens.example/token", false},
        {"https://ghcr.io", "https://other.example:5001/token", true},
        {"https://ghcr.io", "https://other.example/token", false},
        {"https://ghcr.io", "https://10.1.2.3/token", true},
        /* Addresses have no domain. */
        {"https://10.0.0.1", "https://10.0.0.1/token", true},
        {"https://10.0.0.1", "https://11.0.0.1/token", false},
        {"https://127.0.0.1", "https://127.0.0.2/token", false},
        {"https://[fd00::1]", "https://[fd00::1]:5001/token", true},
        {"https://[fd00::1]", "https://[fd00::2]/token", false},
        /* None at all. */
        {"https://ghcr.io", "", false},
        {"https://ghcr.io", "/token", false},
        {"https://ghcr.io", "ftp://ghcr.io/token", false},
        {"https://ghcr.io", "https://user:secret@ghcr.io/token", false},
        {"https://ghcr.io", "https://ghcr.io@evil.example/token", false},
        {"https://ghcr.io", "https://evil.example\\@ghcr.io/token", false},
        {"https://ghcr.io", "https://evil.example#@ghcr.io/token", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++)
        if (is_allowed(table[i].registry, table[i].realm) != table[i].is_allowed)
            fail_msg("%s, %s", table[i].registry, table[i].realm);
}

static void test_it_says_what_would_allow_it(void **state)
{
    struct url url;
    struct err err = {0};

    (void)state;
    assert_true(url_parse(&url, "https://registry.example"));
    assert_int_equal(-1, realm_check(&url, "https://elsewhere.example/token", NULL, 0, &err));
    assert_string_equal("its token server elsewhere.example is of another domain than "
                        "registry.example: if it is the right one, name it in `realms`",
                        err.msg);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_realms),
        cmocka_unit_test(test_it_says_what_would_allow_it),
    };

    return RUN(tests);
}
