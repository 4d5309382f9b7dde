/* SPDX-License-Identifier: Apache-2.0
 * remote/challenge.c: WWW-Authenticate. */
#include "unit/unit.h"

#include "remote/challenge.h"

static void test_what_registries_send(void **state)
{
    AUTO_CHALLENGES challenges = {0};

    (void)state;
    assert_true(challenge_parse(
        &challenges, "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
                     "scope=\"repository:library/nginx:pull\",error=insufficient_scope"));
    assert_int_equal(1, challenges.n);
    const struct challenge *bearer = challenge_find(&challenges, "bearer");
    assert_non_null(bearer);
    assert_int_equal(4, bearer->n_parameters);
    assert_string_equal("https://auth.docker.io/token", challenge_get(bearer, "REALM"));
    assert_string_equal("insufficient_scope", challenge_get(bearer, "error"));
    assert_null(challenge_get(bearer, "nonce"));
    assert_null(challenge_find(&challenges, "Basic"));
    /* Of a second header. */
    assert_true(challenge_parse(&challenges, "Basic realm=\"a, Bearer realm=\\\"b\\\"\""));
    assert_int_equal(2, challenges.n);
    assert_string_equal("a, Bearer realm=\"b\"",
                        challenge_get(challenge_find(&challenges, "Basic"), "realm"));
}

/* RFC 9110, section 11.6.1, and its appendix: commas separate both challenges and parameters. */
static void test_several_in_one_header(void **state)
{
    AUTO_CHALLENGES challenges = {0};

    (void)state;
    assert_true(challenge_parse(
        &challenges, " , Basic realm = \"simple\" ,, Newauth realm=apps, type=1 ,\t"
                     "title=\"Login to \\\"apps\\\"\",Negotiate, NTLM abc/+1== , Digest x=\"\" ,"));
    assert_int_equal(5, challenges.n);
    assert_string_equal("simple", challenge_get(&challenges.v[0], "realm"));
    assert_string_equal("Login to \"apps\"", challenge_get(&challenges.v[1], "title"));
    assert_string_equal("1", challenge_get(&challenges.v[1], "type"));
    assert_string_equal("Negotiate", challenges.v[2].scheme);
    assert_int_equal(0, challenges.v[2].n_parameters);
    assert_null(challenges.v[2].token68);
    assert_string_equal("abc/+1==", challenges.v[3].token68);
    assert_string_equal("", challenge_get(&challenges.v[4], "x"));
}

static void test_what_is_none(void **state)
{
    static const char *const table[] = {
        "realm=\"x\"",                      /* of nobody */
        "Bearer realm=\"x",                 /* open */
        "Bearer realm=\"x\\",               /* open */
        "Bearer realm=a b",                 /* two words */
        "Bearer realm=\"x\" service=\"y\"", /* no comma */
        "Bearer realm=\"x\", realm=\"y\"",  /* which one? */
        "Bearer realm=\"x\", REALM=\"y\"",  /* the same */
        "Bearer abc==, realm=\"x\"",        /* a token68 has no parameters */
        "Bearer realm=\"a\x01\"",           /* a control */
        "Bearer realm=\"a\nb\"",
        "Bea(rer realm=\"x\"",
        "\"Bearer\" realm=\"x\"",
        "Bearer=x",
        "Basic, Bearer realm=\"x",
    };
    AUTO_CHALLENGES challenges = {0};

    (void)state;
    assert_true(challenge_parse(&challenges, "Basic realm=before"));
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        if (challenge_parse(&challenges, table[i]))
            fail_msg("%s", table[i]);
        assert_int_equal(1, challenges.n); /* nothing of it is taken */
        assert_int_equal(1, challenges.v[0].n_parameters);
    }
    assert_true(challenge_parse(&challenges, ""));
    assert_true(challenge_parse(&challenges, " ,\t, "));
    assert_int_equal(1, challenges.n);
}

static void test_limits(void **state)
{
    AUTO_CHALLENGES challenges = {0};
    AUTO_BUF many = BUF_INIT, long_one = BUF_INIT, parameters = BUF_INIT;

    (void)state;
    for (int i = 0; i < CHALLENGES_MAX; i++)
        buf_addf(&many, "Basic realm=r%d, ", i);
    assert_true(challenge_parse(&challenges, many.s));
    assert_int_equal(CHALLENGES_MAX, challenges.n);
    assert_false(challenge_parse(&challenges, "Basic realm=more"));
    challenge_free(&challenges);
    buf_addstr(&parameters, "Bearer p=0");
    for (int i = 1; i < CHALLENGE_PARAMETERS_MAX; i++)
        buf_addf(&parameters, ", p%d=0", i);
    assert_true(challenge_parse(&challenges, parameters.s));
    buf_addstr(&parameters, ", more=0");
    assert_false(challenge_parse(&challenges, parameters.s));
    buf_addstr(&long_one, "Bearer realm=");
    while (long_one.len < CHALLENGE_LEN_MAX)
        buf_addc(&long_one, 'x');
    assert_true(challenge_parse(&challenges, long_one.s));
    buf_addc(&long_one, 'x');
    assert_false(challenge_parse(&challenges, long_one.s));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_registries_send),
        cmocka_unit_test(test_several_in_one_header),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_limits),
    };

    return RUN(tests);
}
