/* SPDX-License-Identifier: Apache-2.0
 * event/event.c */
#include "event/event.h"

#include "base/json.h"
#include "base/log.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct event_actor nobody;

static void assert_printed(const char *expected, const struct event *event)
{
    AUTO_BUF out = BUF_INIT;

    event_print(event, &out);
    assert_string_equal(expected, out.s);
}

static void test_as_json(void **state)
{
    const struct name name = unit_name("team/app"), from = unit_name("base");
    const struct tag tag = unit_tag("v1");
    const struct digest digest = unit_digest_of("x");
    const struct event_actor alice = {"alice", "password", "192.0.2.1", "docker/20.10 \"q\"",
                                      "r1",    "jti"};
    struct event event = {.what = EVENT_REPOSITORY_DELETED,
                          .repository = &name,
                          .size = -1,
                          .actor = &nobody,
                          .time = 1000000000123456789};

    (void)state;
    assert_printed("{\"event\":\"repository-deleted\",\"time\":\"2001-09-09T01:46:40.123Z\","
                   "\"repository\":\"team/app\",\"actor\":{}}",
                   &event);
    event = (struct event){EVENT_TAG_PUSHED, &name, &tag, &digest, "application/x", 0, &from,
                           &alice,           0};
    assert_printed("{\"event\":\"tag-pushed\",\"time\":\"1970-01-01T00:00:00.000Z\","
                   "\"repository\":\"team/app\",\"tag\":\"v1\",\"digest\":\"sha256:"
                   "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\","
                   "\"mediaType\":\"application/x\",\"size\":0,\"from\":\"base\","
                   "\"actor\":{\"user\":\"alice\",\"how\":\"password\",\"tokenId\":\"jti\","
                   "\"address\":\"192.0.2.1\","
                   "\"agent\":\"docker/20.10 \\\"q\\\"\",\"requestId\":\"r1\"}}",
                   &event);
}

static void test_each_has_a_name(void **state)
{
    (void)state;
    for (int i = EVENT_MANIFEST_PUSHED; i <= EVENT_REPOSITORY_DELETED; i++) {
        assert_non_null(event_name((enum event_what)i));
        for (int j = EVENT_MANIFEST_PUSHED; j < i; j++)
            assert_string_not_equal(event_name((enum event_what)i), event_name((enum event_what)j));
    }
}

struct heard {
    int times;
    struct event event;
};

static void hear(void *context, const struct event *event)
{
    struct heard *heard = context;

    heard->times++;
    heard->event = *event;
}

static void test_told_with_actor_and_time(void **state)
{
    const struct event_actor alice = {.user = "alice"};
    struct heard heard = {0};
    struct event_observer observer = {hear, &heard}, none = {0};

    (void)state;
    event_tell(&none, &alice, (struct event){.what = EVENT_TAG_DELETED});
    event_tell(&observer, &alice, (struct event){.what = EVENT_BLOB_DELETED, .size = 5});
    assert_int_equal(1, heard.times);
    assert_int_equal(EVENT_BLOB_DELETED, heard.event.what);
    assert_ptr_equal(&alice, heard.event.actor);
    assert_true(heard.event.time > 1700000000 * (int64_t)1000000000);
}

struct telling {
    struct event_actor actor;
    struct event event;
};

static void tell_log(void *context)
{
    struct telling *telling = context;
    const struct event_observer log = event_to_log();

    event_tell(&log, &telling->actor, telling->event);
}

/* Whatever a client says of itself, the line is whole and can be read. */
static void test_a_line_of_the_log(void **state)
{
    char longest[256], hostile[5][4000];
    static const char bytes[5] = {'a', '\n', '"', '\xff', '\x7f'};
    struct name name = {""};
    struct tag tag = {""};
    const struct digest digest = unit_digest(
        DIGEST_SHA512, "sha512:"
                       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
                       "abcdef");

    (void)state;
    memset(longest, 'n', sizeof longest - 1);
    longest[255] = '\0';
    memcpy(name.s, longest, sizeof longest);
    memset(tag.s, 't', sizeof tag.s - 1);
    for (size_t i = 0; i < LENGTH_OF(hostile); i++) {
        memset(hostile[i], bytes[i], sizeof hostile[i] - 1);
        hostile[i][sizeof hostile[i] - 1] = '\0';
    }
    struct telling telling = {
        {hostile[0], hostile[1], hostile[2], hostile[3], hostile[4], hostile[0]},
        {EVENT_TAG_PUSHED, &name, &tag, &digest, longest, INT64_MAX, &name, NULL, 0},
    };
    log_set_level(LOG_LEVEL_INFO);
    char *quiet = unit_stderr_of(tell_log, &telling);
    assert_string_equal("", quiet);
    free(quiet);
    log_set_level(LOG_LEVEL_DEBUG);
    char *line = unit_stderr_of(tell_log, &telling);
    log_set_level(LOG_LEVEL_WARNING);
    char *object = strstr(line, "debug: event {");
    assert_non_null(object);
    object = strchr(object, '{');
    assert_int_equal('\n', object[strlen(object) - 1]);
    struct json *json = json_parse(object, strlen(object) - 1, 3, &failure);
    assert_non_null(json);
    assert_string_equal(name.s, json_text(json_get(json, "from")));
    const char *user = json_text(json_get(json_get(json, "actor"), "user"));
    assert_true(strlen(user) > 200 && strspn(user, "a") == strlen(user));
    json_free(json);
    free(line);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_json),
        cmocka_unit_test(test_each_has_a_name),
        cmocka_unit_test(test_told_with_actor_and_time),
        cmocka_unit_test(test_a_line_of_the_log),
    };

    return RUN(tests);
}
