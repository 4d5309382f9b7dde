/* SPDX-License-Identifier: Apache-2.0
 * oci/digest_map.c: what was put is found, nothing else, however many there are. */
#include "unit/unit.h"

#include "oci/digest_map.h"
#include "oci/digester.h"

#include <stdio.h>

static struct digest nth(int n)
{
    struct digest digest;
    char text[24];

    int len = snprintf(text, sizeof text, "%d", n);
    digester_of(&digest, n % 2 ? DIGEST_SHA512 : DIGEST_SHA256, text, (size_t)len);
    return digest;
}

static void test_many(void **state)
{
    enum { MANY = 20000 };
    AUTO_DIGEST_MAP map = {0};

    (void)state;
    for (int i = 0; i < MANY; i++) {
        struct digest digest = nth(i);
        assert_null(digest_map_get(&map, &digest));
        assert_int_equal(0, *digest_map_put(&map, &digest));
        *digest_map_put(&map, &digest) = (uint32_t)i;
    }
    assert_int_equal(MANY, map.n);
    for (int i = 0; i < 2 * MANY; i++) {
        struct digest digest = nth(i);
        uint32_t *value = digest_map_get(&map, &digest);
        if (i < MANY)
            assert_int_equal(i, *value);
        else
            assert_null(value);
    }
}

/* Zero bytes stand for an unused slot, but a digest may have them. */
static void test_zeros(void **state)
{
    AUTO_DIGEST_MAP map = {0};
    char hex[65];

    (void)state;
    memset(hex, '0', 64);
    hex[64] = '\0';
    struct digest zeros = unit_digest(DIGEST_SHA256, hex);
    assert_null(digest_map_get(&map, &zeros));
    *digest_map_put(&map, &zeros) = 7;
    *digest_map_put(&map, &zeros) += 1;
    assert_int_equal(1, map.n);
    assert_int_equal(8, *digest_map_get(&map, &zeros));
}

static void test_add(void **state)
{
    AUTO_DIGEST_MAP map = {0}, from = {0};

    (void)state;
    digest_map_add(&map, &from);
    assert_int_equal(0, map.n);
    for (int i = 0; i < 3000; i++) {
        struct digest digest = nth(i);
        *digest_map_put(i < 2000 ? &from : &map, &digest) = 9;
    }
    struct digest both = nth(100);
    *digest_map_put(&map, &both) = 8;
    digest_map_add(&map, &from);
    assert_int_equal(3000, map.n);
    assert_int_equal(8, *digest_map_get(&map, &both));
    for (int i = 0; i < 3000; i++) {
        struct digest digest = nth(i);
        assert_non_null(digest_map_get(&map, &digest));
    }
}

static void test_empty(void **state)
{
    struct digest_map map = {0};
    struct digest digest = nth(1);

    (void)state;
    digest_map_free(&map);
    digest_map_put(&map, &digest);
    digest_map_free(&map);
    assert_null(digest_map_get(&map, &digest));
    digest_map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_add),
    };

    return RUN(tests);
}
