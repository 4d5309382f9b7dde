/* SPDX-License-Identifier: Apache-2.0
 * remote/url.c: URLs of other hosts; remote/proxy.c: whether a proxy is asked for them. */
#include "unit/unit.h"

#include "remote/proxy.h"
#include "remote/url.h"

#include <stdlib.h>

static void test_parts(void **state)
{
    static const struct {
        const char *text;
        const char *host; /* NULL: it is none */
        int port;
        const char *path;
    } table[] = {
        {"https://Registry-1.Docker.IO", "registry-1.docker.io", 443, ""},
        {"HTTP://a:8080/v2/?x=y#z", "a", 8080, "/v2/?x=y#z"},
        {"http://[FD00::1]:5000/", "fd00::1", 5000, "/"},
        {"https://a?x", "a", 443, "?x"},
        {"https://a:/x", "a", 443, "/x"},
        {"https://a#@b", "a", 443, "#@b"},
        {"https://user@a/", NULL, 0, NULL},
        {"https://user:password@a/", NULL, 0, NULL},
        {"https://a:0/", NULL, 0, NULL},
        {"https://a:65536/", NULL, 0, NULL},
        {"https://a:99999999999999999999/", NULL, 0, NULL},
        {"https://a:5000x/", NULL, 0, NULL},
        {"https://[::1/", NULL, 0, NULL},
        {"https://", NULL, 0, NULL},
        {"https:///x", NULL, 0, NULL},
        {"https:a", NULL, 0, NULL},
        {"ftp://a/", NULL, 0, NULL},
        {"//a/", NULL, 0, NULL},
        {"a", NULL, 0, NULL},
        {"", NULL, 0, NULL},
        {"https://a/ b", NULL, 0, NULL},
        {"https://a/\r\nHost: b", NULL, 0, NULL},
        {"https://a\\@b/", NULL, 0, NULL},
        {"https://a%41/", NULL, 0, NULL},
        {"https://\xc3\xa4/", NULL, 0, NULL},
    };
    struct url url;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        bool found = url_parse(&url, table[i].text);
        if (found != (table[i].host != NULL))
            fail_msg("%s", table[i].text);
        if (found) {
            assert_string_equal(table[i].host, url.host);
            assert_int_equal(table[i].port, url.port);
            assert_string_equal(table[i].path, url.path);
        }
    }
}

static bool are_one_origin(const char *one, const char *other)
{
    struct url a, b;

    assert_true(url_parse(&a, one) && url_parse(&b, other));
    return url_same_origin(&a, &b);
}

static void test_origins(void **state)
{
    (void)state;
    assert_true(are_one_origin("https://a/x", "https://A:443/y?z"));
    assert_false(are_one_origin("https://a", "http://a"));
    assert_false(are_one_origin("http://a:443", "https://a:443"));
    assert_false(are_one_origin("https://a", "https://a:444"));
    assert_false(are_one_origin("https://a", "https://b.a"));
}

static void test_where_locations_lead(void **state)
{
    static const struct {
        const char *base, *location, *to; /* NULL: nowhere */
    } table[] = {
        {"https://a/v2/x?y=z", "https://b:1/c?d#e", "https://b:1/c?d"},
        {"https://a/v2/x", "//b/c", "https://b/c"},
        {"http://a:5/v2/x", "//b/c", "http://b/c"},
        {"https://a:5/v2/x?y", "/c?d", "https://a:5/c?d"},
        {"https://a/v2/x/y?z=/", "w", "https://a/v2/x/w"},
        {"https://a", "w", "https://a/w"},
        {"https://a/v2/x?y", "?n=2", "https://a/v2/x?n=2"},
        {"https://a/v2/x", "file:///etc/passwd", NULL},
        {"https://a/v2/x", "javascript:alert(1)", NULL},
        {"https://a/v2/x", "", NULL},
        {"https://a/v2/x", "/b c", NULL},
        {"https://a/v2/x", "https://u:p@b/", NULL},
        {"https://a/v2/x", "w/y:z", "https://a/v2/w/y:z"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_BUF to = BUF_INIT;
        bool leads = url_resolve(table[i].base, table[i].location, &to);
        if (leads != (table[i].to != NULL))
            fail_msg("%s", table[i].location);
        if (leads)
            assert_string_equal(table[i].to, to.s);
    }
}

static void test_what_is_shown(void **state)
{
    AUTO_BUF shown = BUF_INIT, none = BUF_INIT;

    (void)state;
    url_show("https://cdn.example/layer?X-Amz-Signature=secret#secret", &shown);
    assert_string_equal("https://cdn.example/layer", shown.s);
    url_show("https://user:secret@a/", &none);
    assert_string_equal("(no URL)", none.s);
}

static bool is_proxied(const char *text)
{
    struct url url;

    assert_true(url_parse(&url, text));
    return proxy_is_used(&url);
}

static void test_proxies(void **state)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(names); i++)
        unsetenv(names[i]);
    assert_false(is_proxied("https://a.example"));
    setenv("HTTP_PROXY", "http://p", 1); /* a web server sets it from a header */
    assert_false(is_proxied("http://a.example"));
    setenv("http_proxy", "http://p", 1);
    assert_true(is_proxied("http://a.example"));
    assert_false(is_proxied("https://a.example"));
    setenv("HTTPS_PROXY", "http://p", 1);
    assert_true(is_proxied("https://a.example"));
    setenv("no_proxy", "b.example, .a.example,[fd00::1]", 1);
    assert_false(is_proxied("https://a.example"));
    assert_false(is_proxied("https://x.A.example"));
    assert_true(is_proxied("https://xa.example"));
    assert_false(is_proxied("https://b.example:5000"));
    assert_false(is_proxied("https://[fd00::1]"));
    assert_true(is_proxied("https://example"));
    setenv("no_proxy", "*", 1);
    assert_false(is_proxied("https://example"));
    setenv("no_proxy", "", 1);
    setenv("NO_PROXY", "example", 1);
    assert_false(is_proxied("https://example"));
    unsetenv("HTTPS_PROXY");
    setenv("all_proxy", "socks5://p", 1);
    assert_true(is_proxied("https://a.test"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_where_locations_lead),
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_proxies),
    };

    return RUN(tests);
}
