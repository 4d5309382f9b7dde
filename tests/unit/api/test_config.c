/* SPDX-License-Identifier: Apache-2.0
 * api/config.c: berth.conf and BERTH_* variables. */
#include "unit/unit.h"

#include "api/config.h"

#include <stdio.h>
#include <stdlib.h>

/* Writes berth.conf into the test's directory and reads it. */
static int load(const struct unit_dir *dir, const char *text, struct config *conf)
{
    char path[128];

    unit_put(dir->path, "berth.conf", text);
    snprintf(path, sizeof path, "%s/berth.conf", dir->path);
    return config_read(conf, path, &failure);
}

static void assert_refused(const struct unit_dir *dir, const char *text, const char *message)
{
    struct config conf;

    assert_fails(CONFIG, load(dir, text, &conf));
    if (!strstr(failure.msg, message))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, failure.msg, message);
    config_free(&conf);
}

static void test_defaults(void **state)
{
    struct config conf;

    assert_returns(0, load(*state, "", &conf));
    assert_string_equal("/var/lib/registry", conf.frozen.store.root);
    assert_int_equal(STORE_DURABILITY_FULL, conf.frozen.store.durability);
    assert_int_equal(API_SENDFILE_OFF, conf.frozen.api.sendfile);
    assert_string_equal("/_berth/", conf.frozen.api.sendfile_prefix);
    assert_int_equal(0640, conf.frozen.store.file_mode);
    assert_int_equal(0750, conf.frozen.store.dir_mode);
    assert_int_equal(4194304, conf.frozen.store.manifest_limit);
    assert_int_equal(1000, conf.frozen.store.upload_limit);
    assert_int_equal(10, conf.frozen.store.lock_timeout);
    assert_int_equal(1000, conf.frozen.api.page_limit);
    assert_int_equal(300, conf.frozen.api.client_timeout);
    assert_int_equal(86400, conf.frozen.store.grace);
    assert_int_equal(LOG_LEVEL_WARNING, conf.frozen.log_level);
    assert_string_equal("", conf.live.passwd.htpasswd);
    assert_string_equal("berth", conf.live.passwd.realm);
    assert_int_equal(300, conf.live.passwd.credential_cache);
    assert_string_equal("", conf.live.token.keys);
    assert_string_equal("", conf.live.token.realm);
    assert_string_equal("berth", conf.live.token.service);
    assert_int_equal(300, conf.live.token.lifetime);
    assert_string_equal("", conf.live.policy.groups_file);
    assert_false(conf.live.policy.readonly);
    assert_true(conf.live.policy.deletes);
    assert_false(conf.frozen.store.shared);
    assert_int_equal(0, conf.live.cors.origins.n + conf.frozen.api.socket_users.n);
    assert_int_equal(0, conf.live.metrics.metrics.n + conf.live.client.trusted_proxies.n);
    assert_string_equal("", conf.live.metrics.token);
    assert_string_equal("", conf.frozen.api.metrics_dir);
    assert_string_equal("", conf.frozen.api.audit);
    assert_string_equal("", conf.frozen.api.access_log);
    assert_int_equal(IDENTITY_REMOTE_USER_AUTO, conf.live.identity.remote_user);
    assert_int_equal(0, conf.live.policy.n_groups + conf.live.policy.n_repositories +
                            conf.live.token.n_issuers);
    config_free(&conf);
    assert_null(conf.frozen.store.root);
}

static void test_every_key(void **state)
{
    struct config conf;

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
    assert_string_equal("/srv/r", conf.frozen.store.root);
    assert_int_equal(STORE_DURABILITY_NONE, conf.frozen.store.durability);
    assert_int_equal(API_SENDFILE_X_ACCEL, conf.frozen.api.sendfile);
    assert_string_equal("/internal/", conf.frozen.api.sendfile_prefix);
    assert_int_equal(0660, conf.frozen.store.file_mode);
    assert_int_equal(0770, conf.frozen.store.dir_mode);
    assert_int_equal(1024, conf.frozen.store.manifest_limit);
    assert_int_equal(0, conf.frozen.store.lock_timeout);
    assert_int_equal(1, conf.frozen.api.page_limit);
    assert_int_equal(0, conf.frozen.store.grace);
    assert_int_equal(LOG_LEVEL_DEBUG, conf.frozen.log_level);
    config_free(&conf);
}

static void test_every_key_of_access(void **state)
{
    struct config conf;

    assert_returns(0, load(*state,
                           "htpasswd = \"/etc/users\"\n"
                           "realm = \"Our registry\"\n"
                           "credential_cache = 0\n"
                           "token_keys = \"/etc/keys\"\n"
                           "token_realm = \"https://auth.example/token?x=1\"\n"
                           "token_service = \"registry.example:5000\"\n"
                           "token_lifetime = 60\n"
                           "groups_file = '/etc/groups'\n"
                           "readonly = true\n"
                           "shared = true\n",
                           &conf));
    assert_string_equal("/etc/users", conf.live.passwd.htpasswd);
    assert_string_equal("Our registry", conf.live.passwd.realm);
    assert_int_equal(0, conf.live.passwd.credential_cache);
    assert_string_equal("/etc/keys", conf.live.token.keys);
    assert_string_equal("https://auth.example/token?x=1", conf.live.token.realm);
    assert_string_equal("registry.example:5000", conf.live.token.service);
    assert_int_equal(60, conf.live.token.lifetime);
    assert_string_equal("/etc/groups", conf.live.policy.groups_file);
    assert_true(conf.live.policy.readonly);
    assert_true(conf.frozen.store.readonly); /* two owners read it */
    assert_true(conf.frozen.store.shared);
    config_free(&conf);
}

static void test_access_from_the_environment(void **state)
{
    struct config conf;

    setenv("BERTH_HTPASSWD", "/from-env", 1);
    setenv("BERTH_READONLY", "true", 1);
    int loaded = load(*state, "htpasswd = \"/from-file\"\n", &conf);
    unsetenv("BERTH_HTPASSWD");
    unsetenv("BERTH_READONLY");
    assert_int_equal(0, loaded);
    assert_string_equal("/from-env", conf.live.passwd.htpasswd);
    assert_true(conf.live.policy.readonly);
    assert_true(conf.frozen.store.readonly); /* two owners read it */
    config_free(&conf);
}

static void assert_list(const struct strings *list, const char *expected)
{
    char text[256] = "";

    for (size_t i = 0; i < list->n; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", list->v[i]);
    }
    assert_string_equal(expected, text);
}

static void test_39_lists_outside_of_sections(void **state)
{
    static const char text[] = "cors = {\"https://ui.example\",\n  'http://[::1]:8080'}\n"
                               "socket_users = {www-data, \"33\"}\nremote_user = ignore\n"
                               "metrics = \"127.0.0.1\"\nmetrics_token = \"/m/t\"\n"
                               "metrics_dir = \"/m\"\ntrusted_proxies = {\"10.0.0.0/8\"}\n";
    struct config conf;

    assert_returns(0, load(*state, text, &conf));
    assert_list(&conf.live.cors.origins, "https://ui.example http://[::1]:8080");
    assert_list(&conf.live.metrics.metrics, "127.0.0.1");
    assert_list(&conf.live.client.trusted_proxies, "10.0.0.0/8");
    assert_string_equal("/m/t", conf.live.metrics.token);
    assert_string_equal("/m", conf.frozen.api.metrics_dir);
    assert_list(&conf.frozen.api.socket_users, "www-data 33");
    assert_int_equal(IDENTITY_REMOTE_USER_IGNORE, conf.live.identity.remote_user);
    config_free(&conf);
    setenv("BERTH_CORS", " *  http://a ", 1);
    int loaded = load(*state, text, &conf);
    unsetenv("BERTH_CORS");
    assert_int_equal(0, loaded);
    assert_list(&conf.live.cors.origins, "* http://a");
    assert_list(&conf.frozen.api.socket_users, "www-data 33");
    config_free(&conf);
    assert_returns(0, load(*state, "cors = {}\n", &conf));
    assert_int_equal(0, conf.live.cors.origins.n);
    config_free(&conf);
}

static void test_sections(void **state)
{
    struct config conf;

    assert_returns(0, load(*state,
                           "# who\n"
                           "group \"dev\" { members = {\"alice\", \"bob\"} }\n"
                           "group \"none\" {\n}\n"
                           "\n"
                           "repository \"team/**\" {\n"
                           "    pull = {\"users\"}\n"
                           "    push = {\"@dev\"} delete = {\"carol\",\n\"dave\"}\n"
                           "    admin = {\"root\"}\n"
                           "    immutable = {\"v*\", \"stable\"}\n"
                           "    readonly = true sparse = true }\n"
                           "repository \"**\" { pull = \"*\" }\n"
                           "issuer \"https://a.example\" {\n"
                           "    keys = \"/etc/a.json\" audience = \"registry\" }\n"
                           "issuer \"b\" { keys = \"/etc/b.pem\" }\n"
                           "page_limit = 9\n",
                           &conf));
    assert_int_equal(2, conf.live.policy.n_groups);
    assert_string_equal("dev", conf.live.policy.groups[0].name);
    assert_int_equal(2, conf.live.policy.groups[0].place.line);
    assert_list(&conf.live.policy.groups[0].members, "alice bob");
    assert_string_equal("none", conf.live.policy.groups[1].name);
    assert_list(&conf.live.policy.groups[1].members, "");
    assert_int_equal(2, conf.live.policy.n_repositories);
    const struct policy_rule *team = &conf.live.policy.repositories[0],
                             *all = &conf.live.policy.repositories[1];
    assert_string_equal("team/**", team->pattern);
    assert_int_equal(6, team->place.line);
    assert_list(&team->pull, "users");
    assert_list(&team->push, "@dev");
    assert_list(&team->remove, "carol dave");
    assert_list(&team->admin, "root");
    assert_list(&team->immutable, "v* stable");
    assert_true(team->readonly);
    assert_true(team->sparse);
    assert_string_equal("**", all->pattern);
    assert_int_equal(13, all->place.line);
    assert_list(&all->pull, "*"); /* one needs no braces */
    assert_list(&all->push, "");
    assert_list(&all->immutable, "");
    assert_false(all->readonly);
    assert_false(all->sparse);
    assert_int_equal(2, conf.live.token.n_issuers);
    assert_string_equal("https://a.example", conf.live.token.issuers[0].iss);
    assert_int_equal(14, conf.live.token.issuers[0].place.line);
    assert_string_equal("/etc/a.json", conf.live.token.issuers[0].keys);
    assert_string_equal("registry", conf.live.token.issuers[0].audience);
    assert_string_equal("", conf.live.token.issuers[1].audience);
    assert_int_equal(9, conf.frozen.api.page_limit);
    config_free(&conf);
    assert_int_equal(0, conf.live.policy.n_groups + conf.live.policy.n_repositories +
                            conf.live.token.n_issuers);
}

static void test_sections_of_retention(void **state)
{
    struct config conf;

    assert_returns(0, load(*state,
                           "retain \"**\" { }\n"
                           "retain \"team/*\" {\n"
                           "    newest = 10  tags = {\"v*\", \"latest\"}\n"
                           "    younger = \"30d\" pulled = 2w untagged = forever }\n"
                           "retain \"a\" { newest = \"1\" untagged = \"0s\" }\n",
                           &conf));
    assert_int_equal(3, conf.live.retain.n_retains);
    const struct retain_section *none = &conf.live.retain.retains[0],
                                *team = &conf.live.retain.retains[1],
                                *a = &conf.live.retain.retains[2];
    assert_string_equal("**", none->pattern);
    assert_int_equal(1, none->place.line);
    assert_int_equal(0, none->newest);
    assert_list(&none->tags, "");
    assert_null(none->younger.text);
    assert_null(none->pulled.text);
    assert_null(none->untagged.text);
    assert_string_equal("team/*", team->pattern);
    assert_int_equal(2, team->place.line);
    assert_int_equal(10, team->newest);
    assert_list(&team->tags, "v* latest");
    assert_string_equal("30d", team->younger.text);
    assert_int_equal(30 * 86400, team->younger.seconds);
    assert_int_equal(14 * 86400, team->pulled.seconds);
    assert_string_equal("forever", team->untagged.text);
    assert_true(team->untagged.seconds == SETTINGS_FOREVER);
    assert_int_equal(5, a->place.line);
    assert_int_equal(1, a->newest);
    assert_int_equal(0, a->untagged.seconds);
    config_free(&conf);
    assert_int_equal(0, conf.live.retain.n_retains);
}

static void test_limits_are_inclusive(void **state)
{
    struct config conf;

    assert_returns(0, load(*state,
                           "manifest_limit = 1073741824\nlock_timeout = 3600\n"
                           "page_limit = 1000000\ngrace = 2147483647\nfile_mode = 07777\n",
                           &conf));
    assert_int_equal(1073741824, conf.frozen.store.manifest_limit);
    assert_int_equal(3600, conf.frozen.store.lock_timeout);
    assert_int_equal(1000000, conf.frozen.api.page_limit);
    assert_int_equal(2147483647, conf.frozen.store.grace);
    assert_int_equal(07777, conf.frozen.store.file_mode);
    config_free(&conf);
}

static void test_only_x_sendfile_minds_a_percent_sign(void **state)
{
    struct config conf;

    assert_returns(0, load(*state, "root = \"/a%2fb\"\nsendfile = \"x-accel-redirect\"\n", &conf));
    assert_string_equal("/a%2fb", conf.frozen.store.root);
    config_free(&conf);
}

static void test_environment_wins_over_the_file(void **state)
{
    struct config conf;

    setenv("BERTH_SENDFILE_PREFIX", "/from-env/", 1);
    setenv("BERTH_LOG_LEVEL", "error", 1);
    setenv("BERTH_PAGE_LIMIT", "", 1); /* empty is unset */
    int loaded = load(*state, "sendfile_prefix = \"/from-file/\"\npage_limit = 7\n", &conf);
    unsetenv("BERTH_SENDFILE_PREFIX");
    unsetenv("BERTH_LOG_LEVEL");
    unsetenv("BERTH_PAGE_LIMIT");
    assert_int_equal(0, loaded);
    assert_string_equal("/from-env/", conf.frozen.api.sendfile_prefix);
    assert_int_equal(LOG_LEVEL_ERROR, conf.frozen.log_level);
    assert_int_equal(7, conf.frozen.api.page_limit);
    config_free(&conf);
}

static void test_a_wrong_variable_is_refused_too(void **state)
{
    struct config conf;

    setenv("BERTH_DURABILITY", "some", 1);
    assert_fails(CONFIG, load(*state, "", &conf));
    unsetenv("BERTH_DURABILITY");
    assert_non_null(strstr(failure.msg, "durability = \"some\""));
    config_free(&conf);
}

static void test_berth_conf_names_the_file(void **state)
{
    const struct unit_dir *dir = *state;
    char path[128];
    struct config conf;

    unit_put(dir->path, "other.conf", "grace = 5\n");
    snprintf(path, sizeof path, "%s/other.conf", dir->path);
    setenv("BERTH_CONF", path, 1);
    assert_returns(0, config_read(&conf, NULL, &failure));
    assert_int_equal(5, conf.frozen.store.grace);
    config_free(&conf);
    assert_returns(0, load(dir, "grace = 6\n", &conf)); /* what is asked for wins */
    assert_int_equal(6, conf.frozen.store.grace);
    config_free(&conf);
    snprintf(path, sizeof path, "%s/missing.conf", dir->path);
    setenv("BERTH_CONF", path, 1);
    assert_fails(CONFIG, config_read(&conf, NULL, &failure));
    assert_non_null(strstr(failure.msg, "missing.conf: No such file"));
    config_free(&conf);
    setenv("BERTH_CONF", "", 1); /* empty is unset */
    assert_returns(0, config_read(&conf, NULL, &failure));
    config_free(&conf);
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
        {"credential_cache = 86401", "from 0 to 86400"},
        {"credential_cache = -1", "from 0 to 86400"},
        {"token_lifetime = 59", "from 60 to 86400"},
        {"token_lifetime = 86401", "from 60 to 86400"},
        {"readonly = yes", "must be one of \"false\", \"true\""},
        {"realm = \"a\\\"b\"", "cannot hold quotes"},
        {"token_realm = \"a\nb\"", "cannot hold quotes"},
        {"token_service = 'a\"b'", "cannot hold quotes"},
        {"# 1\n/* 2\n3 */\nrepository \"a\" {\n  pul = {\"x\"}\n}",
         "berth.conf:5: no such option 'pul'"},
        {"group \"a\" {\n\n  member = {\"x\"}\n}", "berth.conf:3: no such option 'member'"},
        {"issuer \"a\" {\n key = \"x\"\n}", "berth.conf:2: no such option 'key'"},
        {"repository \"a\" {\n readonly = maybe\n}", "berth.conf:2: "},
        {"repository \"a\" {\n members = {}\n}", "berth.conf:2: no such option 'members'"},
        {"repository \"a\" {}\nrepository \"b\" {}\nrepository \"a\" {}\n",
         "berth.conf:3: found duplicate title 'a'"},
        {"group \"a\" {}\n\ngroup \"a\" {}\n", "berth.conf:3: found duplicate title 'a'"},
        {"issuer \"a\" {}\nissuer \"a\" {}\n", "berth.conf:2: found duplicate title 'a'"},
        {"repository {}", "berth.conf:1: "},
        {"repositories \"a\" {}", "berth.conf:1: no such option 'repositories'"},
        {"repository \"a\" { pull = {\"x\"}", "berth.conf:1: "},
    };

    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_refused(*state, table[i].text, table[i].message);
}

static void test_39_what_is_refused_in_lists(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } table[] = {
        {"cors = {\"http://a\"}\n\ncors = {\"https://ui.example/\"}",
         "berth.conf:3: cors = \"https://ui.example/\": must be like \"https://ui.example\""},
        {"cors = {\"ui.example\"}", "must be like"},
        {"cors = {\"null\"}", "must be like"},
        {"cors = {\"https://UI.example\"}", "must be like"},
        {"cors = {\"https://\"}", "must be like"},
        {"cors = {\"https://*.example\"}", "must be like"},
        {"cors = {\"ftp://ui.example\"}", "must be like"},
        {"socket_users = {\"\"}", "must be the name of a user"},
        {"metrics = {login, \"10.0.0.1/8\"}", "must be \"login\", \"token\", \"off\", an address"},
        {"trusted_proxies = {localhost}", "must be an address, or a network"},
        {"audit = \"log\"", "must be \"syslog\", \"journal\" or an absolute path"},
        {"access_log = \"log\"", "must be an absolute path"},
        {"metrics_dir = \"run\"", "must be an absolute path"},
        {"remote_user = yes", "must be one of \"auto\", \"trust\", \"ignore\""},
    };

    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_refused(*state, table[i].text, table[i].message);
}

/* What is wrong is the end of the message, whatever stands before it. */
static void test_a_long_title_cuts_nothing_off(void **state)
{
    char title[200], text[600];

    memset(title, 't', sizeof title - 1);
    title[sizeof title - 1] = '\0';
    snprintf(text, sizeof text, "group \"%s\" {}\ngroup \"%s\" {}\n", title, title);
    assert_refused(*state, text, title);
}

static void test_what_is_refused_of_retention(void **state)
{
    static const struct {
        const char *text, *message;
    } table[] = {
        {"retain \"a\" {\n newest = 0\n}",
         "berth.conf:1: newest = \"0\" in retain: must be a number"},
        {"\nretain \"a\" { newest = -1 }",
         "berth.conf:2: newest = \"-1\" in retain: must be a number"},
        {"retain \"a\" { newest = ten }", "newest = \"ten\" in retain: must be a number"},
        {"retain \"a\" { newest = \"\" }", "newest = \"\" in retain: must be a number"},
        {"retain \"a\" { younger = 30 }", "younger = \"30\" in retain: must be like 12h"},
        {"retain \"a\" { younger = forever }", "younger = \"forever\" in retain: must be like 12h"},
        {"retain \"a\" { pulled = \"\" }", "pulled = \"\" in retain: must be like 12h"},
        {"retain \"a\" { untagged = 1y }",
         "untagged = \"1y\" in retain: must be like 12h, 30d, 8w, or"},
        {"retain \"a\" { untagged = -1d }", "untagged = \"-1d\" in retain: must be like 12h"},
        {"retain \"a\" {\n keep = 1\n}", "berth.conf:2: no such option 'keep'"},
        {"retain \"a\" { }\nretain \"a\" { }", "berth.conf:2: found duplicate title 'a'"},
    };

    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_refused(*state, table[i].text, table[i].message);
}

/* Who reads one half finds the mistakes of both: else a program would start whose rules can never
 * be read. */
static void test_each_half_alone(void **state)
{
    const struct unit_dir *dir = *state;
    struct config_frozen frozen;
    struct config_live live;
    struct strings files = {0};

    unit_put(dir->path, "berth.conf",
             "page_limit = 7 grace = 5 log_level = info realm = \"R\" readonly = true\n"
             "retain \"a\" { newest = 2 }\n");
    const char *path = unit_path(dir, "berth.conf");
    assert_returns(0, config_read_frozen(&frozen, &files, path, &failure));
    assert_string_equal(path, config_path(&files));
    assert_int_equal(7, frozen.api.page_limit);
    assert_int_equal(5, frozen.store.grace);
    assert_int_equal(LOG_LEVEL_INFO, frozen.log_level);
    config_free_frozen(&frozen);
    strings_free(&files);
    assert_returns(0, config_read_live(&live, &files, path, &failure));
    assert_string_equal("R", live.passwd.realm);
    assert_true(live.policy.readonly);
    assert_int_equal(2, live.retain.retains[0].newest);
    config_free_live(&live);
    strings_free(&files);
    static const char *const wrong[] = {
        "page_limit = 0", "grace = x",          "log_level = x",          "readonly = x",
        "realm = '\"'",   "token_lifetime = 1", "retain a { newest = 0 }"};
    for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
        unit_put(dir->path, "berth.conf", wrong[i]);
        assert_fails(CONFIG, config_read_frozen(&frozen, &files, path, &failure));
        config_free_frozen(&frozen);
        strings_free(&files);
        assert_fails(CONFIG, config_read_live(&live, &files, path, &failure));
        config_free_live(&live);
        strings_free(&files);
    }
}

static void test_who_checks_logins(void **state)
{
    static const struct {
        const char *text;
        bool checks;
    } rows[] = {{"", false},
                {"readonly = true", false},
                {"htpasswd = x", true},
                {"token_keys = x", true},
                {"issuer x { }", true}};

    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        struct config conf;
        assert_returns(0, load(*state, rows[i].text, &conf));
        assert_int_equal(rows[i].checks, config_checks_logins(&conf.live));
        config_free(&conf);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_defaults),
        DIR_TEST(test_every_key),
        DIR_TEST(test_every_key_of_access),
        DIR_TEST(test_access_from_the_environment),
        DIR_TEST(test_39_lists_outside_of_sections),
        DIR_TEST(test_sections),
        DIR_TEST(test_sections_of_retention),
        DIR_TEST(test_limits_are_inclusive),
        DIR_TEST(test_only_x_sendfile_minds_a_percent_sign),
        DIR_TEST(test_environment_wins_over_the_file),
        DIR_TEST(test_a_wrong_variable_is_refused_too),
        DIR_TEST(test_berth_conf_names_the_file),
        DIR_TEST(test_what_is_refused_and_how),
        DIR_TEST(test_39_what_is_refused_in_lists),
        DIR_TEST(test_a_long_title_cuts_nothing_off),
        DIR_TEST(test_what_is_refused_of_retention),
        DIR_TEST(test_each_half_alone),
        DIR_TEST(test_who_checks_logins),
    };

    return RUN(tests);
}
