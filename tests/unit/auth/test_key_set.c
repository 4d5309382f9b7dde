/* SPDX-License-Identifier: Apache-2.0
 * auth/key_set.c: the files that keys are in. */
#include "unit/unit.h"

#include "auth/key_set.h"
#include "unit/auth/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_each_kind_in_pem(void **state)
{
    static const struct {
        const char *pem, *algorithm; /* NULL: not taken */
    } table[] = {
        {keys_rsa_private, "RS256"},
        {keys_rsa_private_pkcs1, "RS256"},
        {keys_rsa_public, "RS256"},
        {keys_rsa_public_1024, NULL},
        {keys_rsa_public_2047, NULL},
        {keys_rsa_pss_public, NULL},
        {keys_p256_private, "ES256"},
        {keys_p256_public, "ES256"},
        {keys_p256_certificate, "ES256"},
        {keys_p256_encrypted, NULL},
        {keys_p384_public, NULL},
        {keys_x25519_public, NULL},
        {keys_ed25519_private, "EdDSA"},
        {keys_ed25519_public, "EdDSA"},
        {"", NULL},
        {"ssh-ed25519 AAAA", NULL},
        {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", NULL},
    };
    const struct unit_dir *dir = *state;

    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct key_set set = {0};
        if (!table[i].algorithm) {
            assert_fails(CONFIG, keys_add(&set, dir->path, table[i].pem));
            assert_non_null(strstr(failure.msg, "key-file: no Ed25519, P-256 or RSA key"));
        } else {
            assert_returns(0, keys_add(&set, dir->path, table[i].pem));
            assert_int_equal(1, set.n);
            assert_string_equal(table[i].algorithm, key_algorithm(set.v[0]));
            assert_string_equal("", key_id(set.v[0]));
        }
        key_set_free(&set);
        assert_null(set.v);
    }
}

static void test_several_in_one_file(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set set = {0};
    AUTO_BUF text = BUF_INIT;

    buf_addf(&text, "of the old server\n%s\n%sof the new one\n%s", keys_rsa_public,
             keys_rsa_public_1024, keys_ed25519_public);
    assert_returns(0, keys_add(&set, dir->path, text.s));
    assert_int_equal(2, set.n); /* the weak one is passed over */
    assert_returns(0, keys_add(&set, dir->path, keys_p256_public));
    assert_int_equal(3, set.n);
    assert_string_equal("RS256", key_algorithm(set.v[0]));
    assert_string_equal("EdDSA", key_algorithm(set.v[1]));
    assert_string_equal("ES256", key_algorithm(set.v[2]));
    key_set_free(&set);
}

static void test_files_that_cannot_be_read(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set set = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/missing.pem", dir->path);
    assert_fails(CONFIG, key_set_add_file(&set, path, &failure));
    assert_non_null(strstr(failure.msg, "missing.pem: No such file"));
    assert_fails(CONFIG, key_set_add_file(&set, dir->path, &failure));
    assert_int_equal(0, mkfifo(path, 0600));
    assert_fails(CONFIG, key_set_add_file(&set, path, &failure)); /* and does not wait */
    unit_put(dir->path, "large", "");
    snprintf(path, sizeof path, "%s/large", dir->path);
    assert_int_equal(0, truncate(path, (1 << 20) + 1));
    assert_fails(CONFIG, key_set_add_file(&set, path, &failure));
    assert_non_null(strstr(failure.msg, "more than 1.0 MiB"));
    assert_int_equal(0, set.n);
}

static void test_generated_keys(void **state)
{
    struct stat st;

    static const char *const algorithms[] = {"EdDSA", "ES256"};
    const struct unit_dir *dir = *state;

    for (size_t i = 0; i < LENGTH_OF(algorithms); i++) {
        char file[16];
        snprintf(file, sizeof file, "%zu.pem", i);
        mode_t before = umask(0077);
        file[1] = '\0';
        assert_returns(0, key_set_generate(dir->path, file, algorithms[i], &failure));
        umask(before);
        file[1] = '.';
        assert_int_equal(0640, unit_mode(dir->path, file));
        assert_int_equal(0, stat(unit_path(dir, file), &st));
        assert_int_equal(1, st.st_nlink); /* the file that was linked here is gone */
        char *text = unit_get(dir->path, file);
        file[1] = '\0';
        assert_fails(IO, key_set_generate(dir->path, file, algorithms[i], &failure));
        file[1] = '.';
        assert_content(text, dir->path, file); /* an existing key stays */
        free(text);
    }
    assert_int_equal(2, unit_count(dir->path, "."));
    assert_fails(USAGE, key_set_generate(dir->path, "x", "RS256", &failure));
    assert_fails(USAGE, key_set_generate(dir->path, "x", "none", &failure));
    assert_fails(IO, key_set_generate("/nowhere", "x", "EdDSA", &failure));

    struct key_set set = {0};
    AUTO_BUF signature = BUF_INIT;
    assert_returns(0, key_set_add_dir(&set, dir->path, &failure));
    assert_int_equal(2, set.n);
    for (size_t i = 0; i < set.n; i++) {
        buf_clear(&signature);
        assert_string_equal(algorithms[i], key_algorithm(set.v[i]));
        assert_returns(0, key_sign(set.v[i], "text", 4, &signature, &failure));
        assert_true(key_verify(set.v[i], "text", 4, signature.s, signature.len));
        assert_false(key_verify(set.v[1 - i], "text", 4, signature.s, signature.len));
    }
    key_set_free(&set);
}

static void test_a_directory_in_the_order_of_names(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set set = {0};

    unit_put(dir->path, "2.pem", keys_ed25519_private);
    unit_put(dir->path, "10.pem", keys_p256_private);
    unit_put(dir->path, ".3.pem", "being written");
    unit_put(dir->path, "notes.txt", "no key");
    unit_put(dir->path, "x", "no key");
    unit_put(dir->path, ".pem", "no name");
    unit_put(dir->path, "robots/ci", "{}");
    assert_returns(0, key_set_add_dir(&set, dir->path, &failure));
    assert_int_equal(2, set.n);
    assert_string_equal("10", key_id(set.v[0]));
    assert_string_equal("2", key_id(set.v[1]));
    key_set_free(&set);
}

static void test_a_directory_holds_only_keys_that_sign(void **state)
{
    static const char *const wrong[] = {keys_ed25519_public, keys_p256_certificate,
                                        keys_rsa_private, keys_rfc8037_jwks};
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "1.pem", keys_ed25519_private);
    for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
        struct key_set set = {0};
        unit_put(dir->path, "2.pem", wrong[i]);
        assert_fails(CONFIG, key_set_add_dir(&set, dir->path, &failure));
        assert_non_null(strstr(failure.msg, "2.pem: must hold a private Ed25519 or P-256 key"));
        key_set_free(&set);
    }
    struct key_set set = {0};
    unit_put(dir->path, "2.pem", "");
    assert_fails(CONFIG, key_set_add_dir(&set, dir->path, &failure));
    assert_non_null(strstr(failure.msg, "2.pem: no Ed25519"));
    key_set_free(&set);
    assert_fails(CONFIG, key_set_add_dir(&set, "/nowhere", &failure));
    assert_non_null(strstr(failure.msg, "berth token init"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_each_kind_in_pem),
        DIR_TEST(test_several_in_one_file),
        DIR_TEST(test_files_that_cannot_be_read),
        DIR_TEST(test_generated_keys),
        DIR_TEST(test_a_directory_in_the_order_of_names),
        DIR_TEST(test_a_directory_holds_only_keys_that_sign),
    };

    return RUN(tests);
}
