/* SPDX-License-Identifier: Apache-2.0
 * cache/cache.c: what is here; what has to be asked for is tested by tests/cgi/test_only_cache.py.
 */
#include "unit/unit.h"

#include "api/config.h"
#include "base/timing.h"
#include "cache/cache.h"
#include "cache/mark.h"
#include "cache/place.h"

#include <stdio.h>

static int reads_of_lists;

static void told(enum timing what, const char *name, int64_t nanoseconds)
{
    (void)nanoseconds;
    reads_of_lists += what == TIMING_READ && name && strstr(name, "/" CACHE_LISTS "/");
}

/* It may be of 64 MiB. */
static void test_a_list_is_read_once(void **state)
{
    const struct store *store = *state;
    const struct registry registry = {.store = store};
    const struct name name = unit_name("docker.io/library/app");
    struct config config;
    struct cache cache = {&registry, &config.live.upstreams, NULL, 1};
    struct origin origin;
    struct mark_key key;
    struct place place;
    AUTO_BUF text = BUF_INIT;
    char path[512];
    bool is_stale;

    unit_put(store->path, "berth.conf", "upstream \"docker.io\" {\n url = {\"https://a\"}\n}\n");
    snprintf(path, sizeof path, "%s/berth.conf", store->path);
    assert_returns(0, config_read(&config, path, &failure));
    assert_true(upstream_find(cache.upstreams, &name, &origin));
    mark_key(&key, "tags", name.s, "");
    unit_put(store->path, place_mark(&place, origin.upstream, CACHE_LISTS, key.s), "1\n2\n");
    mark_set(store, MARK_CHECKED, origin.upstream, key.s);
    timing_tell(told);
    int listed = cache_list(&cache, &name, "tags", "", &text, &is_stale, &failure);
    timing_tell(NULL);
    assert_int_equal(1, listed);
    assert_false(is_stale);
    assert_string_equal("1\n2\n", text.s);
    assert_int_equal(1, reads_of_lists);
    config_free(&config);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_list_is_read_once),
    };

    return RUN(tests);
}
