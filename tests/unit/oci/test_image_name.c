/* SPDX-License-Identifier: Apache-2.0
 * oci/image_name.c. */
#include "unit/unit.h"

#include "oci/image_name.h"

static void test_names(void **state)
{
    static const struct {
        const char *text, *name, *tag; /* tag NULL: none */
    } cases[] = {
        {"busybox:1", "busybox", "1"},
        {"busybox", "busybox", "latest"},
        {"docker.io/library/busybox:1", "busybox", "1"},
        {"index.docker.io/library/busybox:1", "busybox", "1"},
        {"docker.io/team/app:1", "team/app", "1"},
        {"docker.io/library/a/b:1", "a/b", "1"},
        {"library/busybox:1", "library/busybox", "1"},
        {"quay.io/library/app:1", "library/app", "1"},
        {"quay.io/a/b:c", "a/b", "c"},
        {"localhost/app:1", "app", "1"},
        {"localhost:5000/app", "app", "latest"},
        {"127.0.0.1:5000/team/app:1.0", "team/app", "1.0"},
        {"[::1]:5000/app:1", "app", "1"},
        {"team/app:1", "team/app", "1"},
        {"localhosts/app:1", "localhosts/app", "1"},
        {"app@sha256:00", "app", NULL},
        {"quay.io/app:1@sha256:00", "app", "1"},
    };
    struct image_name image;
    (void)state;

    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        assert_returns(0, image_name_parse(&image, cases[i].text, &failure));
        assert_string_equal(cases[i].name, image.name.s);
        assert_int_equal(cases[i].tag != NULL, image.has_tag);
        if (cases[i].tag)
            assert_string_equal(cases[i].tag, image.tag.s);
    }
}

static void test_bad_names(void **state)
{
    static const char *const names[] = {"", ":1", "UPPER:1", "quay.io/", "quay.io/../x:1", "a//b"};
    static const char *const tags[] = {"a:", "a:-x", "quay.io/a:b c", "a:b:c"};
    struct image_name image;
    (void)state;

    for (size_t i = 0; i < LENGTH_OF(names); i++)
        assert_fails(NAME_INVALID, image_name_parse(&image, names[i], &failure));
    for (size_t i = 0; i < LENGTH_OF(tags); i++)
        assert_fails(MANIFEST_INVALID, image_name_parse(&image, tags[i], &failure));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bad_names),
    };

    return RUN(tests);
}
