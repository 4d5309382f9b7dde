/* SPDX-License-Identifier: Apache-2.0
 * auth/identity.c: what a token leaves. */
#include "unit/unit.h"

#include "auth/identity.h"

static int actions_of(const struct identity *identity, const char *name)
{
    struct name parsed = unit_name(name);

    return identity_actions(identity, &parsed);
}

static void test_without_a_token_everything_is_left(void **state)
{
    struct identity nobody = {.user = ""}, alice = {.user = "alice"};

    (void)state;
    assert_int_equal(ACTION_ALL, actions_of(&nobody, "a/b"));
    assert_int_equal(ACTION_ALL, actions_of(&alice, "a/b"));
}

static void test_a_token_leaves_its_grants_together(void **state)
{
    struct grant grants[] = {
        {"team/app", ACTION_PULL}, {"team/app", ACTION_PUSH}, {"other", ACTION_DELETE}};
    struct identity alice = {.user = "alice", .has_token = true, .grants = grants, .n_grants = 3};
    struct identity bob = {.user = "bob", .has_token = true};

    (void)state;
    assert_int_equal(ACTION_PULL | ACTION_PUSH, actions_of(&alice, "team/app"));
    assert_int_equal(ACTION_DELETE, actions_of(&alice, "other"));
    assert_int_equal(0, actions_of(&alice, "team/app2"));
    assert_int_equal(0, actions_of(&alice, "team"));
    assert_int_equal(0, actions_of(&bob, "team/app"));
}

static void test_only_robots_have_globs(void **state)
{
    struct grant grants[] = {{"team/*", ACTION_PULL}, {"**", ACTION_PUSH}, {"app-?", ACTION_PULL}};
    struct identity who = {.user = "ci", .has_token = true, .grants = grants, .n_grants = 3};

    (void)state;
    assert_int_equal(0, actions_of(&who, "team/app"));
    assert_int_equal(0, actions_of(&who, "app-1"));
    who.robot = "builder";
    assert_int_equal(ACTION_PULL | ACTION_PUSH, actions_of(&who, "team/app"));
    assert_int_equal(ACTION_PULL | ACTION_PUSH, actions_of(&who, "app-1"));
    assert_int_equal(ACTION_PUSH, actions_of(&who, "team/app/x"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_token_everything_is_left),
        cmocka_unit_test(test_a_token_leaves_its_grants_together),
        cmocka_unit_test(test_only_robots_have_globs),
    };

    return RUN(tests);
}
