/* SPDX-License-Identifier: Apache-2.0
 * base/conf.c: berth.conf and BERTH_* variables. */
#include "unit/unit.h"

#include "base/conf.h"

#include <stdio.h>
#include <stdlib.h>

/* Writes berth.conf into the test's directory and reads it. */
static int load(const struct unit_dir *dir, const char *text, struct conf *conf)
{
    char path[128];

    unit_put(dir->path, "berth.conf", text);
    snprintf(path, sizeof path, "%s/berth.conf", dir->path);
    return conf_load(conf, path, &failure);
}

static void assert_refused(const struct unit_dir *dir, const char *text, const char *message)
{
    struct conf conf;

    assert_fails(CONFIG, load(dir, text, &conf));
    if (!strstr(failure.msg, message))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, failure.msg, message);
    conf_free(&conf);
}

static void test_defaults(void **state)
{
    struct conf conf;

    assert_returns(0, load(*state, "", &conf));
    assert_string_equal("/var/lib/registry", conf.root);
    assert_true(conf.durable);
    assert_int_equal(CONF_SENDFILE_OFF, conf.sendfile);
    assert_string_equal("/_berth/", conf.sendfile_prefix);
    assert_int_equal(0640, conf.file_mode);
    assert_int_equal(0750, conf.dir_mode);
    assert_int_equal(4194304, conf.manifest_limit);
    assert_int_equal(10, conf.lock_timeout);
    assert_int_equal(1000, conf.page_limit);
    assert_int_equal(86400, conf.grace);
    assert_int_equal(LOG_LEVEL_WARNING, conf.log_level);
    conf_free(&conf);
    assert_null(conf.root);
}

static void test_every_key(void **state)
{
    struct conf conf;

    assert_returns(0, load(*state,
                           "# a comment\n"
                           "root = \"/srv/r\"\n"
                           "durability = none\n"
                           "sendfile = \"x-accel-redirect\"\n"
                           "sendfile_prefix = \"/internal/\"\n"
                           "file_mode = \"0660\"\n"
                           "dir_mode = 0770\n"
                           "manifest_limit = 1024\n"
                           "lock_timeout = 0\n"
                           "page_limit = 1\n"
                           "grace = 0\n"
                           "log_level = debug\n",
                           &conf));
    assert_string_equal("/srv/r", conf.root);
    assert_false(conf.durable);
    assert_int_equal(CONF_SENDFILE_X_ACCEL, conf.sendfile);
    assert_string_equal("/internal/", conf.sendfile_prefix);
    assert_int_equal(0660, conf.file_mode);
    assert_int_equal(0770, conf.dir_mode);
    assert_int_equal(1024, conf.manifest_limit);
    assert_int_equal(0, conf.lock_timeout);
    assert_int_equal(1, conf.page_limit);
    assert_int_equal(0, conf.grace);
    assert_int_equal(LOG_LEVEL_DEBUG, conf.log_level);
    conf_free(&conf);
}

static void test_limits_are_inclusive(void **state)
{
    struct conf conf;

    assert_returns(0, load(*state,
                           "manifest_limit = 1073741824\nlock_timeout = 3600\n"
                           "page_limit = 1000000\ngrace = 2147483647\nfile_mode = 07777\n",
                           &conf));
    assert_int_equal(1073741824, conf.manifest_limit);
    assert_int_equal(3600, conf.lock_timeout);
    assert_int_equal(1000000, conf.page_limit);
    assert_int_equal(2147483647, conf.grace);
    assert_int_equal(07777, conf.file_mode);
    conf_free(&conf);
}

static void test_only_x_sendfile_minds_a_percent_sign(void **state)
{
    struct conf conf;

    assert_returns(0, load(*state, "root = \"/a%2fb\"\nsendfile = \"x-accel-redirect\"\n", &conf));
    assert_string_equal("/a%2fb", conf.root);
    conf_free(&conf);
}

static void test_environment_wins_over_the_file(void **state)
{
    struct conf conf;

    setenv("BERTH_SENDFILE_PREFIX", "/from-env/", 1);
    setenv("BERTH_LOG_LEVEL", "error", 1);
    setenv("BERTH_PAGE_LIMIT", "", 1); /* empty is unset */
    int loaded = load(*state, "sendfile_prefix = \"/from-file/\"\npage_limit = 7\n", &conf);
    unsetenv("BERTH_SENDFILE_PREFIX");
    unsetenv("BERTH_LOG_LEVEL");
    unsetenv("BERTH_PAGE_LIMIT");
    assert_int_equal(0, loaded);
    assert_string_equal("/from-env/", conf.sendfile_prefix);
    assert_int_equal(LOG_LEVEL_ERROR, conf.log_level);
    assert_int_equal(7, conf.page_limit);
    conf_free(&conf);
}

static void test_a_wrong_variable_is_refused_too(void **state)
{
    struct conf conf;

    setenv("BERTH_DURABILITY", "some", 1);
    assert_fails(CONFIG, load(*state, "", &conf));
    unsetenv("BERTH_DURABILITY");
    assert_non_null(strstr(failure.msg, "durability = \"some\""));
    conf_free(&conf);
}

static void test_berth_conf_names_the_file(void **state)
{
    const struct unit_dir *dir = *state;
    char path[128];
    struct conf conf;

    unit_put(dir->path, "other.conf", "grace = 5\n");
    snprintf(path, sizeof path, "%s/other.conf", dir->path);
    setenv("BERTH_CONF", path, 1);
    assert_returns(0, conf_load(&conf, NULL, &failure));
    assert_int_equal(5, conf.grace);
    conf_free(&conf);
    assert_returns(0, load(dir, "grace = 6\n", &conf)); /* what is asked for wins */
    assert_int_equal(6, conf.grace);
    conf_free(&conf);
    snprintf(path, sizeof path, "%s/missing.conf", dir->path);
    setenv("BERTH_CONF", path, 1);
    assert_fails(CONFIG, conf_load(&conf, NULL, &failure));
    assert_non_null(strstr(failure.msg, "missing.conf: No such file"));
    conf_free(&conf);
    setenv("BERTH_CONF", "", 1); /* empty is unset */
    assert_returns(0, conf_load(&conf, NULL, &failure));
    conf_free(&conf);
    unsetenv("BERTH_CONF");
}

static void test_what_is_refused_and_how(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } table[] = {
        {"root = \"relative\"", "must be an absolute path"},
        {"root = \"\"", "must be an absolute path"},
        {"root = \"/a%2fb\" sendfile = \"x-sendfile\"", "cannot have a % sign"},
        {"sendfile_prefix = \"x/\"", "must begin and end with a slash"},
        {"sendfile_prefix = \"/x\"", "must begin and end with a slash"},
        {"sendfile_prefix = \"\"", "must begin and end with a slash"},
        {"durability = data", "must be one of \"full\", \"none\""},
        {"sendfile = on", "must be one of \"off\", \"x-sendfile\", \"x-accel-redirect\""},
        {"log_level = verbose", "must be one of \"error\", \"warning\", \"info\", \"debug\""},
        {"file_mode = 0888", "must be an octal mode"},
        {"dir_mode = 10000", "must be an octal mode"},
        {"file_mode = -1", "must be an octal mode"},
        {"manifest_limit = 1023", "from 1024 to"},
        {"manifest_limit = 1073741825", "from 1024 to"},
        {"manifest_limit = 4M", "must be a number"},
        {"manifest_limit = 99999999999999999999", "must be a number"},
        {"lock_timeout = -1", "from 0 to 3600"},
        {"lock_timeout = 3601", "from 0 to 3600"},
        {"page_limit = 0", "from 1 to"},
        {"page_limit = 1000001", "from 1 to"},
        {"grace = \"\"", "must be a number"},
        {"grace = 2147483648", "must be a number"},
        {"grace = 1 \n unknown = 2", "berth.conf:2: no such option 'unknown'"},
        {"grace = ", "berth.conf:1:"},
        {"grace", "berth.conf:1:"},
        {"root = \"/open", "berth.conf:1:"},
    };

    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_refused(*state, table[i].text, table[i].message);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_defaults),
        DIR_TEST(test_every_key),
        DIR_TEST(test_limits_are_inclusive),
        DIR_TEST(test_only_x_sendfile_minds_a_percent_sign),
        DIR_TEST(test_environment_wins_over_the_file),
        DIR_TEST(test_a_wrong_variable_is_refused_too),
        DIR_TEST(test_berth_conf_names_the_file),
        DIR_TEST(test_what_is_refused_and_how),
    };

    return RUN(tests);
}
