/* SPDX-License-Identifier: Apache-2.0
 * cache/fill.c: what a client is sent; the fillers are tested by tests/live/test_cache.py. */
#include "unit/unit.h"

#include "cache/fill.h"
#include "store/layout.h"

#include <fcntl.h>
#include <unistd.h>

static void test_a_slow_client_gets_all_of_what_was_published(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("content");
    struct layout_path path;
    AUTO_DIRTY dirty = {0};
    struct fill fill = {.store = store, .digest = digest, .size = 7};
    char bytes[8] = "";

    assert_returns(0, unit_publish(store, &digest, "content", 7, &dirty, &failure));
    assert_returns(1, fs_open(&store->fs, layout_blob(&path, &digest), O_RDWR, &fill.fd, &failure));
    assert_returns(4, fill_read(&fill, bytes, 4, 0, 0, &failure));
    unit_delete(store->path, path.s); /* as the collector may, or a push of the same puts another */
    assert_returns(3, fill_read(&fill, bytes + 4, 4, 4, 0, &failure));
    assert_string_equal("content", bytes);
    fill_close(&fill);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_slow_client_gets_all_of_what_was_published),
    };

    return RUN(tests);
}
