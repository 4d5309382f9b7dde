/* SPDX-License-Identifier: Apache-2.0
 * event/once.c */
#include "event/once.h"

#include "unit/unit.h"

static void count(void *context, const struct event *event)
{
    int *times = context;

    (void)event;
    ++*times;
}

static void test_content_is_told_once(void **state)
{
    const struct name a = unit_name("a"), b = unit_name("b");
    const struct tag tag = unit_tag("v1");
    const struct digest digest = unit_digest_of("x"), other = unit_digest_of("y");
    const struct event_actor nobody = {0};
    const struct event events[] = {
        {.what = EVENT_BLOB_PUSHED, .repository = &a, .digest = &digest},
        {.what = EVENT_BLOB_PUSHED, .repository = &b, .digest = &digest},
        {.what = EVENT_BLOB_MOUNTED, .repository = &a, .digest = &other},
        {.what = EVENT_MANIFEST_PUSHED, .repository = &a, .digest = &digest},
        {.what = EVENT_TAG_PUSHED, .repository = &a, .tag = &tag, .digest = &digest},
        {.what = EVENT_REPOSITORY_DELETED, .repository = &a},
        /* Known by now, but for names, which may have moved in between. */
        {.what = EVENT_BLOB_MOUNTED, .repository = &a, .digest = &digest},
        {.what = EVENT_BLOB_PUSHED, .repository = &a, .digest = &other},
        {.what = EVENT_MANIFEST_PUSHED, .repository = &a, .digest = &digest},
        {.what = EVENT_TAG_PUSHED, .repository = &a, .tag = &tag, .digest = &digest},
    };
    static const int after[] = {1, 2, 3, 4, 5, 6, 6, 6, 6, 7};
    struct once once;
    int times = 0;

    (void)state;
    const struct event_observer observer =
        once_observer(&once, (struct event_observer){count, &times});
    for (size_t i = 0; i < LENGTH_OF(events); i++) {
        event_tell(&observer, &nobody, events[i]);
        assert_int_equal(after[i], times);
    }
    once_free(&once);
}

static void test_nobody_is_nobody(void **state)
{
    struct once once;

    (void)state;
    assert_null(once_observer(&once, (struct event_observer){0}).told);
    once_free(&once);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_is_told_once),
        cmocka_unit_test(test_nobody_is_nobody),
    };

    return RUN(tests);
}
