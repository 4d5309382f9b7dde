/* SPDX-License-Identifier: Apache-2.0
 * registry/ready.c: whether a store could take a push. */
#include "unit/unit.h"

#include "registry/ready.h"
#include "store/layout.h"

#include <stdio.h>
#include <stdlib.h>

struct place {
    struct store store;
    struct store_settings settings;
    struct ready_plan plan;
    char tmp[128], v2[128], moved[128];
};

static struct place *open_place(const struct unit_dir *dir, bool shared)
{
    struct place *place = calloc(1, sizeof *place);

    place->settings = (struct store_settings){.root = (char *)dir->path,
                                              .file_mode = 0640,
                                              .dir_mode = 0750,
                                              .lock_timeout = 3,
                                              .shared = shared};
    assert_returns(0, store_open(&place->store, &place->settings, true, &failure));
    place->plan = (struct ready_plan){
        .store = &place->store, .settings = &place->settings, .write = true, .room = 1};
    snprintf(place->tmp, sizeof place->tmp, "%s/" LAYOUT_PREFIX "/" LAYOUT_TMP, dir->path);
    snprintf(place->v2, sizeof place->v2, "%s/" LAYOUT_PREFIX, dir->path);
    snprintf(place->moved, sizeof place->moved, "%s/moved", dir->path);
    return place;
}

static void close_place(struct place *place)
{
    store_close(&place->store);
    free(place);
}

/* What was found, which an error of that code explains. */
static void expect(const struct place *place, enum ready wanted, enum err_code code)
{
    struct err why = {0};

    assert_int_equal(wanted, ready_look(&place->plan, &why));
    assert_int_equal(code, why.code);
}

static void test_all_is_well(void **state)
{
    struct place *place = open_place(*state, false);

    expect(place, READY, ERR_NONE);
    assert_int_equal(0, unit_count(place->tmp, "."));
    place->store.lost = true; /* it is there again, and opened by the next request */
    expect(place, READY, ERR_NONE);
    close_place(place);
}

static void test_too_little_room(void **state)
{
    struct place *place = open_place(*state, false);

    place->plan.room = INT64_MAX;
    expect(place, READY_NO_ROOM, ERR_NO_SPACE);
    place->plan.write = false; /* nobody needs any */
    expect(place, READY, ERR_NONE);
    close_place(place);
}

static void test_nothing_can_be_written(void **state)
{
    struct place *place = open_place(*state, false);

    assert_int_equal(0, rmdir(place->tmp));
    expect(place, READY_NOT_WRITABLE, ERR_IO);
    place->plan.write = false;
    expect(place, READY, ERR_NONE);
    close_place(place);
}

static void test_it_is_not_there(void **state)
{
    struct place *place = open_place(*state, false);
    struct err why;

    assert_int_equal(0, rename(place->v2, place->moved));
    assert_int_equal(READY_NOT_REACHED, ready_look(&place->plan, &why));
    close_place(place);
}

static void test_another_one_is_there(void **state)
{
    struct place *place = open_place(*state, false);
    struct store other;

    assert_int_equal(0, rename(place->v2, place->moved));
    assert_returns(0, store_open(&other, &place->settings, true, &failure));
    expect(place, READY_NOT_REACHED, ERR_UNREACHABLE);
    store_close(&other);
    close_place(place);
}

#define ID LAYOUT_PREFIX "/" LAYOUT_ID

static void test_a_shared_one_is_known_by_its_id(void **state)
{
    const struct unit_dir *dir = *state;
    struct place *place;

    unit_put(dir->path, ID, "the one");
    place = open_place(dir, true);
    expect(place, READY, ERR_NONE);
    unit_put(dir->path, ID, "another");
    expect(place, READY_NOT_REACHED, ERR_UNREACHABLE);
    unit_delete(dir->path, ID);
    expect(place, READY_NOT_REACHED, ERR_UNREACHABLE);
    close_place(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_all_is_well),
        DIR_TEST(test_too_little_room),
        DIR_TEST(test_nothing_can_be_written),
        DIR_TEST(test_it_is_not_there),
        DIR_TEST(test_another_one_is_there),
        DIR_TEST(test_a_shared_one_is_known_by_its_id),
    };

    return RUN(tests);
}
