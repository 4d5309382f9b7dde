/* SPDX-License-Identifier: Apache-2.0
 * registry/push_body.c: bodies of more than a block, which are hashed beside. */
#include "unit/registry/content.h"

#include "oci/digester.h"
#include "store/blob.h"
#include "store/layout.h"

#include <stdlib.h>

#define BLOCK ((size_t)256 << 10)
#define LARGEST (5 * BLOCK + 17)

/* Hands out a part of what there is in pieces of this size, and may break off at its end. */
struct long_body {
    const char *bytes;
    size_t left;
    size_t piece;
    bool breaks;
    size_t threads; /* the most that this process had */
};

static size_t threads(void)
{
    return unit_count("/proc/self", "task");
}

static ssize_t read_long(void *from, void *bytes, size_t len, struct err *err)
{
    struct long_body *body = from;
    size_t n = body->left < body->piece ? body->left : body->piece;

    if (threads() > body->threads)
        body->threads = threads();
    if (n > len)
        n = len;
    if (n == 0 && body->breaks)
        return err_set(err, ERR_SIZE_INVALID, "the body broke off");
    memcpy(bytes, body->bytes, n);
    body->bytes += n;
    body->left -= n;
    return (ssize_t)n;
}

static const char *content(void)
{
    static char bytes[LARGEST];

    for (size_t i = 0; i < LARGEST; i++)
        bytes[i] = (char)(i * 31 + i / 257 + i / BLOCK);
    return bytes;
}

static struct push_session start(const struct store *store)
{
    struct push_session session = session_in("a", "");

    assert_returns(0, push_blob_start(unit_registry(store), &session, DIGEST_SHA256, &failure));
    return session;
}

static int finish(const struct store *store, const struct push_session *session,
                  const struct digest *digest, struct long_body *body)
{
    int64_t offset;

    return push_blob_finish(unit_registry(store), session, ANYWHERE, digest,
                            (struct push_body){read_long, body}, &offset, &failure);
}

static struct digest digest_of(enum digest_algorithm algorithm, size_t len)
{
    struct digest digest;

    digester_of(&digest, algorithm, content(), len);
    return digest;
}

static void assert_has(const struct store *store, const struct digest *digest, size_t len)
{
    struct layout_path path;
    int64_t size = -1;

    assert_returns(1, blob_stat(store, digest, &size, &failure));
    assert_int_equal(len, size);
    char *stored = unit_get(store->path, layout_blob(&path, digest));
    assert_memory_equal(content(), stored, len);
    free(stored);
}

static void test_any_length_in_any_pieces(void **state)
{
    static const size_t lengths[] = {BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, LARGEST};
    static const size_t pieces[] = {8192, 65536, 100003, LARGEST};
    const struct store *store = *state;

    for (size_t i = 0; i < LENGTH_OF(lengths); i++) {
        for (size_t j = 0; j < LENGTH_OF(pieces); j++) {
            struct long_body body = {content(), lengths[i], pieces[j], false, 0};
            const struct digest digest = digest_of((enum digest_algorithm)(j % 2), lengths[i]);
            struct push_session session = start(store);
            assert_returns(0, finish(store, &session, &digest, &body));
            assert_has(store, &digest, lengths[i]);
            assert_int_equal(lengths[i] < BLOCK ? 1 : 2, body.threads); /* small ones need none */
            assert_int_equal(1, threads());
        }
    }
}

static int chunk(const struct store *store, const struct push_session *session, size_t first,
                 size_t len, bool breaks)
{
    struct long_body body = {content() + first, len, 65536, breaks, 0};
    int64_t offset;

    return push_blob_chunk(unit_registry(store), session, ANYWHERE,
                           (struct push_body){read_long, &body}, &offset, &failure);
}

/* What the thread has seen of it is forgotten, too. */
static void test_what_breaks_off_is_taken_back(void **state)
{
    const struct store *store = *state;
    const struct digest digest = digest_of(DIGEST_SHA256, LARGEST);
    const size_t first = 2 * BLOCK + 5;
    struct push_session session = start(store);
    struct long_body rest = {content() + first, LARGEST - first, 65536, false, 0};

    for (size_t len = BLOCK; len <= 3 * BLOCK; len += BLOCK + 1) {
        assert_fails(SIZE_INVALID, chunk(store, &session, 0, len, true));
        assert_int_equal(1, threads());
    }
    assert_returns(0, chunk(store, &session, 0, first, false));
    assert_fails(SIZE_INVALID, chunk(store, &session, first, 2 * BLOCK, true));
    assert_returns(0, finish(store, &session, &digest, &rest));
    assert_has(store, &digest, LARGEST);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_any_length_in_any_pieces),
        STORE_TEST(test_what_breaks_off_is_taken_back),
    };

    return RUN(tests);
}
