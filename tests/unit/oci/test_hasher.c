/* SPDX-License-Identifier: Apache-2.0
 * oci/hasher.c */
#include "unit/unit.h"

#include "oci/hasher.h"

#include <pthread.h>
#include <unistd.h>

#define PIECE ((size_t)100001) /* no multiple of a hash's block */

/* Two buffers in turns, each written over as soon as that is allowed. */
static void test_two_buffers_are_enough(void **state)
{
    static char buffers[2][PIECE];
    struct digest expected, digest;

    (void)state;
    for (int a = 0; a < DIGEST_ALGORITHMS; a++) {
        AUTO_DIGESTER here, beside;
        digester_init(&here, (enum digest_algorithm)a);
        digester_init(&beside, (enum digest_algorithm)a);
        struct hasher *hasher = hasher_begin(&beside);
        assert_non_null(hasher);
        for (int i = 0; i < 60; i++) {
            memset(buffers[i % 2], i, PIECE);
            digester_update(&here, buffers[i % 2], PIECE);
            hasher_add(hasher, buffers[i % 2], PIECE);
        }
        hasher_end(hasher);
        memset(buffers, 'x', sizeof buffers);
        digester_final(&here, &expected);
        digester_final(&beside, &digest);
        assert_string_equal(expected.s, digest.s);
    }
}

static void test_nothing_to_hash(void **state)
{
    const struct digest expected = unit_digest_of("abc");
    AUTO_DIGESTER digester;
    struct digest digest;

    (void)state;
    digester_init(&digester, DIGEST_SHA256);
    digester_update(&digester, "a", 1);
    hasher_end(hasher_begin(&digester));
    hasher_end(NULL);
    digester_update(&digester, "bc", 2); /* it is the caller's again */
    digester_final(&digester, &digest);
    assert_string_equal(expected.s, digest.s);
}

static volatile pthread_t caught_by;

static void on_signal(int number)
{
    (void)number;
    caught_by = pthread_self();
}

/* A caller that waits for bytes is to be interrupted, not the thread. */
static void test_signals_are_for_the_caller(void **state)
{
    static char bytes[PIECE];
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigset_t held, usual;
    AUTO_DIGESTER digester;

    (void)state;
    sigaction(SIGUSR2, &action, &before);
    digester_init(&digester, DIGEST_SHA256);
    struct hasher *hasher = hasher_begin(&digester);
    assert_non_null(hasher);
    sigemptyset(&held);
    sigaddset(&held, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &held, &usual);
    kill(getpid(), SIGUSR2); /* whoever does not block it gets it */
    for (int i = 0; i < 4; i++)
        hasher_add(hasher, bytes, sizeof bytes); /* the thread has run since */
    assert_int_equal(0, caught_by);
    pthread_sigmask(SIG_SETMASK, &usual, NULL);
    assert_true(pthread_equal(caught_by, pthread_self()));
    hasher_end(hasher);
    sigaction(SIGUSR2, &before, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_buffers_are_enough),
        cmocka_unit_test(test_nothing_to_hash),
        cmocka_unit_test(test_signals_are_for_the_caller),
    };

    return RUN(tests);
}
