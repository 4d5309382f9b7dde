/* SPDX-License-Identifier: Apache-2.0
 * distribution/: what registry:2's file and environment mean. */
#include "unit/unit.h"

#include "distribution/distribution.h"
#include "distribution/meaning.h"

#define NOTHING ((const char *[]){NULL})

static const char *const of_image = "version: 0.1\n"
                                    "log:\n  fields:\n    service: registry\n"
                                    "storage:\n  cache:\n    blobdescriptor: inmemory\n"
                                    "  filesystem:\n    rootdirectory: /srv/images\n"
                                    "http:\n  addr: :5001\n  headers:\n"
                                    "    X-Content-Type-Options: [nosniff]\n"
                                    "health:\n  storagedriver:\n    enabled: true\n";

static int read_file(struct distribution *distribution, const struct unit_dir *dir,
                     const char *text, const char *const *environment)
{
    unit_put(dir->path, "config.yml", text);
    return distribution_read(distribution, unit_path(dir, "config.yml"), environment, &failure);
}

static void expect_printed(const struct distribution *distribution, const char *wanted)
{
    AUTO_BUF out = BUF_INIT;

    assert_returns(0, distribution_print(distribution, NULL, &out, &failure));
    assert_string_equal(wanted, out.s);
}

static void test_without_anything(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};

    (void)state;
    assert_returns(0, distribution_read(&distribution, NULL, NOTHING, &failure));
    assert_returns(0, distribution_check(&distribution, &failure));
    assert_string_equal(":5000", distribution.addr);
    assert_int_equal(0, distribution.n_remarks);
    expect_printed(&distribution, "root = \"/var/lib/registry\"\ndelete = false\n");
}

/* A berth.conf of berth's own counts over what registry:2 does unless told otherwise. */
static void test_a_berth_conf_in_between(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};
    AUTO_BUF out = BUF_INIT;
    const char *environment[] = {"REGISTRY_STORAGE_DELETE_ENABLED=true", NULL};

    (void)state;
    assert_returns(0, distribution_read(&distribution, NULL, environment, &failure));
    assert_returns(0, distribution_print(&distribution, "/etc/b", &out, &failure));
    assert_string_equal("root = \"/var/lib/registry\"\ninclude(\"/etc/b\")\ndelete = true\n",
                        out.s);
}

static void test_the_file_of_the_image(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};

    assert_returns(0, read_file(&distribution, *state, of_image, NOTHING));
    assert_returns(0, distribution_check(&distribution, &failure));
    assert_string_equal(":5001", distribution.addr);
    assert_int_equal(3, distribution.n_remarks); /* version, fields, health */
    expect_printed(&distribution, "delete = false\nroot = \"/srv/images\"\n");
}

static void test_the_environment_counts_over_the_file(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};
    const char *environment[] = {
        "PATH=/bin",
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/data",
        "REGISTRY_STORAGE_DELETE_ENABLED=true",
        "REGISTRY_STORAGE_MAINTENANCE_READONLY={\"enabled\": true}",
        "REGISTRY_HTTP_ADDR=0.0.0.0:443",
        "REGISTRY_HTTP_TLS_CERTIFICATE=/certs/tls.crt",
        "REGISTRY_HTTP_TLS_KEY=/certs/tls.key",
        "REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd",
        "REGISTRY_AUTH_HTPASSWD_REALM=Registry Realm",
        "REGISTRY_AUTH=htpasswd",
        "REGISTRY_LOG_LEVEL=warn",
        "REGISTRY_CATALOG_MAXENTRIES=50",
        "REGISTRY_HTTP_SECRET=", /* nothing */
        NULL,
    };

    assert_returns(0, read_file(&distribution, *state, of_image, environment));
    assert_returns(0, distribution_check(&distribution, &failure));
    assert_string_equal("0.0.0.0:443", distribution.addr);
    assert_string_equal("/certs/tls.crt", distribution.certificate);
    assert_string_equal("/certs/tls.key", distribution.key);
    expect_printed(&distribution, "root = \"/data\"\ndelete = true\nreadonly = true\n"
                                  "page_limit = 50\nlog_level = \"warning\"\n"
                                  "htpasswd = \"/auth/htpasswd\"\nrealm = \"Registry Realm\"\n");
}

static void test_tokens_of_an_issuer(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};

    assert_returns(0, read_file(&distribution, *state,
                                "auth:\n  token:\n    realm: https://sso/auth\n    service: \"r\"\n"
                                "    issuer: 'a\"b$c\\d'\n    rootcertbundle: /root.pem\n",
                                NOTHING));
    assert_returns(0, distribution_check(&distribution, &failure));
    expect_printed(&distribution, "root = \"/var/lib/registry\"\ndelete = false\n"
                                  "token_realm = \"https://sso/auth\"\ntoken_service = \"r\"\n"
                                  "issuer \"a\\\"b\\$c\\\\d\" {\n    keys = \"/root.pem\"\n}\n");
}

/* What docker and Kubernetes put there for a service of this name. */
static void test_variables_of_others(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};
    const char *environment[] = {
        "REGISTRY_PORT=tcp://10.0.0.1:5000",
        "REGISTRY_PORT_5000_TCP=tcp://10.0.0.1:5000",
        "REGISTRY_PORT_5000_TCP_ADDR=10.0.0.1",
        "REGISTRY_SERVICE_HOST=10.0.0.1",
        "REGISTRY_SERVICE_PORT=5000",
        "REGISTRY_SERVICE_PORT_HTTP=5000",
        "REGISTRY_UI_SERVICE_HOST=10.0.0.2",
        "REGISTRY_NAME=/web/registry",
        "REGISTRY_ENV_REGISTRY_HTTP_ADDR=x",
        "REGISTRY_CONFIGURATION_PATH=/etc/x",
        "REGISTRY_=x",
        NULL,
    };

    (void)state;
    assert_returns(0, distribution_read(&distribution, NULL, environment, &failure));
    assert_int_equal(0, distribution.n_remarks);
}

/* Each is named, with where it stands, and nothing of what it says. */
static void test_what_has_no_equal(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};
    const char *environment[] = {"REGISTRY_REPORTING_BUGSNAG_APIKEY=hunter2",
                                 "REGISTRY_REPORTING_NEWRELIC_NAME=hunter2", NULL};

    assert_returns(0, read_file(&distribution, *state,
                                "storage:\n  s3:\n    secretkey: hunter2\n    bucket: hunter2\n"
                                "notifications:\n  endpoints:\n    - url: hunter2\n",
                                environment));
    assert_int_equal(5, distribution.n_remarks);
    for (size_t i = 0; i < 5; i++) {
        assert_true(distribution.remarks[i].missing);
        assert_null(strstr(distribution.remarks[i].text, "hunter2"));
    }
    assert_string_equal("storage.s3.secretkey", distribution.remarks[0].path);
    assert_non_null(strstr(distribution.remarks[1].where, "config.yml:4"));
    assert_string_equal("notifications.endpoints[0].url", distribution.remarks[2].path);
    assert_string_equal("REGISTRY_REPORTING_BUGSNAG_APIKEY", distribution.remarks[3].where);
    assert_fails(CONFIG, distribution_check(&distribution, &failure));
    assert_non_null(strstr(failure.msg, "config.yml:3: storage.s3.secretkey: "));
    assert_non_null(strstr(failure.msg, "the first of 5 settings"));
    assert_null(strstr(failure.msg, "hunter2"));
}

static void test_a_cache_of_nothing(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};
    const char *environment[] = {"REGISTRY_PROXY_USERNAME=me", NULL};

    (void)state;
    assert_fails(CONFIG, distribution_read(&distribution, NULL, environment, &failure));
    assert_non_null(strstr(failure.msg, "set REGISTRY_PROXY_REMOTEURL"));
}

static void test_an_empty_url_caches_nothing(void **state)
{
    static const struct {
        const char *text, *variable;
    } cases[] = {
        {"proxy: {remoteurl: '', username: me}", NULL},
        {"proxy: {remoteurl: 'https://quay.io', username: me}", "REGISTRY_PROXY_REMOTEURL="},
        {"proxy: {username: me}", "REGISTRY_PROXY_REMOTEURL="},
    };

    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        AUTO_DISTRIBUTION distribution = {0};
        AUTO_BUF conf = BUF_INIT;
        const char *environment[] = {cases[i].variable, NULL};
        assert_returns(0, read_file(&distribution, *state, cases[i].text, environment));
        assert_returns(0, distribution_print(&distribution, NULL, &conf, &failure));
        assert_null(strstr(conf.s, "upstream"));
    }
}

static void test_no_equal_or_the_same(void **state)
{
    static const struct {
        const char *text;
        bool missing;
    } cases[] = {
        {"compatibility: {schema1: {enabled: false}}", false},
        {"compatibility: {schema1: {enabled: true}}", true},
        {"http: {net: tcp}", false},
        {"http: {net: unix}", true},
        {"http: {tls: {minimumtls: tls1.2}}", false},
        {"http: {tls: {minimumtls: tls1.0}}", true},
        {"http: {headers: {X-Content-Type-Options: [nosniff]}}", false},
        {"http: {headers: {X-Content-Type-Options: [x]}}", true},
        {"http: {headers: {Strict-Transport-Security: [x]}}", true},
        {"http: {secret: hunter2}", false},
        {"http: {debug: {addr: ':5001', prometheus: {enabled: true, path: /metrics}}}", false},
        {"http: {debug: {tls: {certificate: /c}}}", true},
        {"storage: filesystem", false},
        {"storage: {inmemory: {}}", true}, /* nothing in it, and it says much */
        {"redis: {addr: 'localhost:6379'}", true},
        {"storage: {cache: {blobdescriptor: redis}}", true},
        {"storage: {cache: {blobdescriptor: inmemory, blobdescriptorsize: 10000}}", false},
        {"proxy:", false},
        {"notifications: {endpoints: []}", false},
        {"validation: {disabled: no}", false},
        {"validation: {manifests: {urls: {allow: [x]}}}", true},
        {"nonsense: 1", true},
        {"Storage: {delete: {enabled: true}}", true}, /* keys are in small letters */
        {"storage: {filesystem: {rootdir: /x}}", true},
    };

    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        AUTO_DISTRIBUTION distribution = {0};
        struct err err;
        assert_returns(0, read_file(&distribution, *state, cases[i].text, NOTHING));
        assert_int_equal(cases[i].missing ? -1 : 0, distribution_check(&distribution, &err));
    }
}

static void test_bad_values(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"storage: {delete: {enabled: maybe}}", "must be true or false"},
        {"storage: s3", "a directory alone"},
        {"storage: {filesystem: {rootdirectory: here}}", "must be an absolute path"},
        {"log: {level: loud}", "must be error, warn, info or debug"},
        {"catalog: {maxentries: 0}", "must be a number"},
        {"catalog: {maxentries: x}", "must be a number"},
        {"http: {addr: localhost}", "must be HOST:PORT"},
        {"http: {addr: 'localhost:99999'}", "must be HOST:PORT"},
        {"auth: htpasswd", "REGISTRY_AUTH_HTPASSWD_PATH"},
        {"auth: {htpasswd: {realm: x}}", "REGISTRY_AUTH_HTPASSWD_PATH"},
        {"auth: basic", "must be htpasswd or token"},
        {"auth: {token: {realm: x, service: y, issuer: z}}", "rootcertbundle"},
        {"auth: {htpasswd: {path: /x}, token: {realm: x}}", "only one of them"},
        {"http: {tls: {certificate: /x}}", "REGISTRY_HTTP_TLS_KEY"},
        {"http: {tls: {key: /x}}", "REGISTRY_HTTP_TLS_CERTIFICATE"},
        {"a: [", ": is no YAML: "},
    };

    for (size_t i = 0; i < LENGTH_OF(bad); i++) {
        AUTO_DISTRIBUTION distribution = {0};
        assert_fails(CONFIG, read_file(&distribution, *state, bad[i].text, NOTHING));
        assert_non_null(strstr(failure.msg, bad[i].message));
    }
}

static void test_files_and_variables_that_cannot_be_read(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};
    AUTO_DISTRIBUTION other = {0};
    const char *environment[] = {"REGISTRY_HTTP_ADDR={", NULL};

    assert_fails(
        CONFIG, distribution_read(&distribution, unit_path(*state, "none.yml"), NOTHING, &failure));
    assert_non_null(strstr(failure.msg, "none.yml: "));
    assert_fails(CONFIG, distribution_read(&other, NULL, environment, &failure));
    assert_memory_equal("REGISTRY_HTTP_ADDR: ", failure.msg, 20);
}

static void test_what_cannot_stand_in_berth_conf(void **state)
{
    AUTO_DISTRIBUTION distribution = {0};
    AUTO_BUF out = BUF_INIT;

    assert_returns(0, read_file(&distribution, *state,
                                "auth: {htpasswd: {path: /x, realm: \"a\\nb\"}}", NOTHING));
    assert_fails(CONFIG, distribution_print(&distribution, NULL, &out, &failure));
}

static void test_words(void **state)
{
    bool on;

    (void)state;
    assert_true(meaning_switch("True", &on) && on);
    assert_true(meaning_switch("off", &on) && !on);
    assert_false(meaning_switch("1", &on));
    assert_string_equal("warning", meaning_level("WARN"));
    assert_null(meaning_level("fatal"));
    assert_int_equal(MEANING_MISSING, meaning_of("")->kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_anything),
        cmocka_unit_test(test_a_berth_conf_in_between),
        DIR_TEST(test_the_file_of_the_image),
        DIR_TEST(test_the_environment_counts_over_the_file),
        DIR_TEST(test_tokens_of_an_issuer),
        cmocka_unit_test(test_variables_of_others),
        DIR_TEST(test_what_has_no_equal),
        DIR_TEST(test_a_cache_of_nothing),
        DIR_TEST(test_an_empty_url_caches_nothing),
        DIR_TEST(test_no_equal_or_the_same),
        DIR_TEST(test_bad_values),
        DIR_TEST(test_files_and_variables_that_cannot_be_read),
        DIR_TEST(test_what_cannot_stand_in_berth_conf),
        cmocka_unit_test(test_words),
    };

    return RUN(tests);
}
