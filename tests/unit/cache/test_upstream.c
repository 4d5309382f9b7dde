/* SPDX-License-Identifier: Apache-2.0
 * cache/upstream.c: the table of upstreams, and names. */
#include "unit/unit.h"

#include "api/config.h"
#include "cache/upstream.h"

#include <stdio.h>
#include <string.h>

static int load(struct config *config, const struct unit_dir *dir, const char *text)
{
    char path[128];

    unit_put(dir->path, "berth.conf", text);
    snprintf(path, sizeof path, "%s/berth.conf", dir->path);
    return config_read(config, path, &failure);
}

static void test_mistakes_are_named_with_their_line(void **state)
{
    static const struct {
        const char *text, *message;
    } mistakes[] = {
        {"\nupstream \"docker.io\" {\n}\n", "berth.conf:2: upstream \"docker.io\": url is missing"},
        {"upstream \"\" {\n url = {\"https://a\"}\n}\n", "its name is what clients send as ns"},
        {"upstream \"a:5000\" {\n url = {\"https://a\"}\n}\n", "say prefix"},
        {"upstream \"a\" {\n url = {\"ftp://a\"}\n}\n", "must be https://HOST"},
        {"upstream \"a\" {\n url = {\"https://a/v2/\"}\n}\n", "with nothing behind it"},
        {"upstream \"a\" {\n url = {\"https://me:secret@a\"}\n}\n", "must not hold a password"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n prefix = \"A\"\n}\n",
         "must be a repository name"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n user = \"me\"\n}\n",
         "user without password_file"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n password_file = \"/p\"\n}\n",
         "a password without user"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n user = \"me\"\n password = \"x\"\n "
         "password_file = "
         "\"/p\"\n}\n",
         "say one of them"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n helper = \"h\"\n user = \"me\"\n "
         "password_file = \"/p\"\n}\n",
         "helper brings a user of its own"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n helper_lifetime = \"1h\"\n}\n",
         "helper_lifetime without helper"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n key = \"/k\"\n}\n",
         "certificate and key go together"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n ca = \"/c\"\n tls_verify = \"false\"\n}\n",
         "remove one"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n only = {\"A/*\"}\n}\n",
         "can match no repository"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n immutable = {\"a/b\"}\n}\n",
         "can match no tag"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n}\nupstream \"b\" {\n url = {\"https://b\"}\n "
         "prefix = \"a\"\n}\n",
         "berth.conf:4: upstream \"b\": has the prefix of another"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n default = true\n}\nupstream \"b\" {\n url = "
         "{\"https://b\"}\n"
         " default = true\n}\n",
         "is default, as another is"},
        {"upstream \"a\" {\n url = {\"https://a\"}\n names = {\"b\"}\n}\nupstream \"b\" {\n url = "
         "{\"https://b\"}\n}\n",
         "its name is one of another, too"},
        {"private = {\"A\"}\n", "can match no repository"},
    };
    const struct unit_dir *dir = *state;

    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct config config;
        assert_fails(CONFIG, load(&config, dir, mistakes[i].text));
        if (!strstr(failure.msg, mistakes[i].message))
            fail_msg("%s: \"%s\" does not say \"%s\"", mistakes[i].text, failure.msg,
                     mistakes[i].message);
        config_free(&config);
    }
}

static bool never_exists(const void *context, const struct name *name)
{
    (void)context;
    (void)name;
    return false;
}

#define CACHES                                                                                     \
    "own_names = {\"here.example\"}\n"                                                             \
    "private = {\"team/**\"}\n"                                                                    \
    "upstream \"docker.io\" {\n url = {\"https://registry-1.docker.io\"}\n default = true\n}\n"    \
    "upstream \"quay.io\" {\n url = {\"https://quay.io\"}\n prefix = \"q\"\n except = "            \
    "{\"x/*\"}\n}\n"                                                                               \
    "upstream \"sub\" {\n url = {\"https://sub\"}\n prefix = \"q/deep\"\n}\n"

static void test_names_here(void **state)
{
    static const struct {
        const char *ns, *asked, *here, *title, *there; /* title NULL: ours alone */
    } names[] = {
        {NULL, "nginx", "docker.io/library/nginx", "docker.io", "library/nginx"},
        {NULL, "a/b", "docker.io/a/b", "docker.io", "a/b"},
        {NULL, "docker.io/nginx", "docker.io/library/nginx", "docker.io", "library/nginx"},
        {"docker.io", "nginx", "docker.io/library/nginx", "docker.io", "library/nginx"},
        {"registry-1.docker.io", "a/b", "docker.io/a/b", "docker.io", "a/b"},
        {"Quay.IO", "nginx", "q/nginx", "quay.io", "nginx"},
        {NULL, "q/nginx", "q/nginx", "quay.io", "nginx"},
        {NULL, "q/deep/nginx", "q/deep/nginx", "sub", "nginx"},
        {NULL, "q/deeper/nginx", "q/deeper/nginx", "quay.io", "deeper/nginx"},
        {NULL, "team/app", "team/app", NULL, NULL},
        {"here.example", "nginx", "nginx", NULL, NULL},
        {"called.example", "nginx", "nginx", NULL, NULL},
        {"called.example:5000", "nginx", "nginx", NULL, NULL},
    };
    struct config config;

    assert_returns(0, load(&config, *state, CACHES));
    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        struct name name = unit_name(names[i].asked);
        struct origin origin;
        assert_returns(0,
                       upstream_resolve(&config.live.upstreams, names[i].ns, "called.example:5000",
                                        never_exists, NULL, &name, &failure));
        assert_string_equal(names[i].here, name.s);
        assert_int_equal(names[i].title != NULL,
                         upstream_find(&config.live.upstreams, &name, &origin));
        if (!names[i].title)
            continue;
        assert_string_equal(names[i].title, origin.upstream->title);
        assert_string_equal(names[i].there, origin.remote.s);
    }
    struct name name = unit_name("nginx");
    assert_fails(NAME_UNKNOWN,
                 upstream_resolve(&config.live.upstreams, "ghcr.io", "called.example:5000",
                                  never_exists, NULL, &name, &failure));
    assert_fails(NAME_UNKNOWN, upstream_resolve(&config.live.upstreams, "called", "called.example",
                                                never_exists, NULL, &name, &failure));
    config_free(&config);
}

/* q/deep is another's prefix, and quay.io may have such names, too. */
static void test_a_name_is_never_taken_from_another_upstream(void **state)
{
    struct config config;
    struct name name = unit_name("deep/nginx");

    assert_returns(0, load(&config, *state, CACHES));
    assert_fails(NAME_UNKNOWN, upstream_resolve(&config.live.upstreams, "quay.io", NULL,
                                                never_exists, NULL, &name, &failure));
    assert_non_null(strstr(failure.msg, "q/deep/nginx is of sub"));
    config_free(&config);
}

static void test_what_is_cached_of_it(void **state)
{
    struct config config;
    struct origin origin;
    const struct name in = unit_name("q/y/a"), out = unit_name("q/x/a");

    assert_returns(0, load(&config, *state, CACHES));
    assert_true(upstream_find(&config.live.upstreams, &in, &origin));
    assert_true(upstream_serves(&origin));
    assert_true(upstream_find(&config.live.upstreams, &out, &origin));
    assert_false(upstream_serves(&origin));
    config_free(&config);
}

static void test_without_a_prefix_all_is_its(void **state)
{
    struct config config;
    struct origin origin;
    struct name name = unit_name("a/b");

    assert_returns(0, load(&config, *state,
                           "private = {\"team/**\"}\n"
                           "upstream \"a\" {\n url = {\"https://a\"}\n prefix = \"\"\n}\n"));
    assert_true(upstream_find(&config.live.upstreams, &name, &origin));
    assert_string_equal("a/b", origin.remote.s);
    assert_true(policy_is_sparse(&config.live.policy, &name));
    name = unit_name("team/app"); /* is pushed to as ever, and so is whole */
    assert_false(upstream_find(&config.live.upstreams, &name, NULL));
    assert_false(policy_is_sparse(&config.live.policy, &name));
    config_free(&config);
}

static void test_a_cached_repository_is_sparse(void **state)
{
    struct config config;
    const struct name cached = unit_name("docker.io/library/nginx"), ours = unit_name("team/app");

    assert_returns(0, load(&config, *state, CACHES));
    assert_true(policy_is_sparse(&config.live.policy, &cached));
    assert_false(policy_is_sparse(&config.live.policy, &ours));
    config_free(&config);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_mistakes_are_named_with_their_line),
        DIR_TEST(test_names_here),
        DIR_TEST(test_a_name_is_never_taken_from_another_upstream),
        DIR_TEST(test_what_is_cached_of_it),
        DIR_TEST(test_without_a_prefix_all_is_its),
        DIR_TEST(test_a_cached_repository_is_sparse),
    };

    return RUN(tests);
}
