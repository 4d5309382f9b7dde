/* SPDX-License-Identifier: Apache-2.0
 * base/err.c, base/err.def */
#include "unit/unit.h"

#include <errno.h>
#include <sysexits.h>

static void test_set_fills_and_returns_minus_one(void **state)
{
    struct err err = {.sys = 5};

    (void)state;
    assert_int_equal(-1, err_set(&err, ERR_BUSY, "%s %d", "lock", 7));
    assert_int_equal(ERR_BUSY, err.code);
    assert_int_equal(0, err.sys);
    assert_string_equal("lock 7", err.msg);
}

static void test_sys_chooses_the_code_and_adds_the_reason(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(-1, err_sys(&err, EACCES, "open %s", "x"));
    assert_int_equal(ERR_IO, err.code);
    assert_int_equal(EACCES, err.sys);
    assert_string_equal("open x: Permission denied", err.msg);
    err_sys(&err, ENOSPC, "write");
    assert_int_equal(ERR_NO_SPACE, err.code);
    err_sys(&err, EDQUOT, "write");
    assert_int_equal(ERR_NO_SPACE, err.code);
    err_sys(&err, ENOTCONN, "stat"); /* of a FUSE file system whose process has died */
    assert_int_equal(ERR_UNREACHABLE, err.code);
    err_sys(&err, ESTALE, "stat");
    assert_int_equal(ERR_UNREACHABLE, err.code);
}

static void test_long_messages_keep_their_reason(void **state)
{
    struct err err;
    char text[4000];

    (void)state;
    memset(text, 'm', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_IO, "%s", text);
    assert_int_equal(sizeof err.msg - 1, strlen(err.msg));
    err_sys(&err, EIO, "open \"%s\"", text);
    assert_int_equal(sizeof err.msg - 1, strlen(err.msg));
    assert_memory_equal("open \"mmm", err.msg, 9);
    assert_string_equal("mmm\": Input/output error", strstr(err.msg, "\":") - 3);
}

static void test_a_message_can_be_made_of_itself(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_IO, "the disk is on fire");
    err_set(&err, ERR_CONFIG, "key file %s: %s", "a.pem", err.msg);
    assert_string_equal("key file a.pem: the disk is on fire", err.msg);
    assert_int_equal(ERR_CONFIG, err.code);
}

static void test_nobody_need_ask_why(void **state)
{
    (void)state;
    assert_int_equal(-1, err_set(NULL, ERR_IO, "%s", "x"));
    assert_int_equal(-1, err_sys(NULL, EIO, "%s", "x"));
}

/* The statuses and codes of the OCI Distribution Specification, "Error Codes". */
static void test_what_clients_see(void **state)
{
    static const struct {
        enum err_code code;
        int status;
        const char *oci;
        int exit_code;
    } table[] = {
        {ERR_NAME_INVALID, 400, "NAME_INVALID", EX_USAGE},
        {ERR_NAME_UNKNOWN, 404, "NAME_UNKNOWN", EX_NOINPUT},
        {ERR_DIGEST_INVALID, 400, "DIGEST_INVALID", EX_DATAERR},
        {ERR_SIZE_INVALID, 400, "SIZE_INVALID", EX_DATAERR},
        {ERR_BLOB_UNKNOWN, 404, "BLOB_UNKNOWN", EX_NOINPUT},
        {ERR_UPLOAD_UNKNOWN, 404, "BLOB_UPLOAD_UNKNOWN", EX_NOINPUT},
        {ERR_UPLOAD_INVALID, 400, "BLOB_UPLOAD_INVALID", EX_DATAERR},
        {ERR_UPLOAD_BUSY, 409, "BLOB_UPLOAD_INVALID", EX_TEMPFAIL},
        {ERR_UPLOAD_RANGE, 416, "BLOB_UPLOAD_INVALID", EX_DATAERR},
        {ERR_MANIFEST_UNKNOWN, 404, "MANIFEST_UNKNOWN", EX_NOINPUT},
        {ERR_MANIFEST_INVALID, 400, "MANIFEST_INVALID", EX_DATAERR},
        {ERR_MANIFEST_TOO_LARGE, 413, "MANIFEST_INVALID", EX_DATAERR},
        {ERR_MANIFEST_BLOB_UNKNOWN, 400, "MANIFEST_BLOB_UNKNOWN", EX_DATAERR},
        {ERR_METHOD, 405, "UNSUPPORTED", EX_USAGE},
        {ERR_PRECONDITION, 412, "DENIED", EX_TEMPFAIL},
        {ERR_PAGINATION, 400, "PAGINATION_NUMBER_INVALID", EX_USAGE},
        {ERR_BUSY, 503, "TOOMANYREQUESTS", EX_TEMPFAIL},
        {ERR_UNREACHABLE, 503, "UNKNOWN", EX_TEMPFAIL},
        {ERR_STORAGE, 501, "UNSUPPORTED", EX_CONFIG},
        {ERR_NOT_WELL, 503, "UNKNOWN", 1},
        {ERR_IO, 500, "UNKNOWN", EX_IOERR},
        {ERR_NO_SPACE, 507, "UNKNOWN", EX_IOERR},
        {ERR_CONFIG, 500, "UNKNOWN", EX_CONFIG},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        assert_int_equal(table[i].status, err_http_status(table[i].code));
        assert_string_equal(table[i].oci, err_oci_code(table[i].code));
        assert_int_equal(table[i].exit_code, err_exit_code(table[i].code));
        assert_true(strlen(err_public_text(table[i].code)) > 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_and_returns_minus_one),
        cmocka_unit_test(test_sys_chooses_the_code_and_adds_the_reason),
        cmocka_unit_test(test_long_messages_keep_their_reason),
        cmocka_unit_test(test_a_message_can_be_made_of_itself),
        cmocka_unit_test(test_nobody_need_ask_why),
        cmocka_unit_test(test_what_clients_see),
    };

    return RUN(tests);
}
