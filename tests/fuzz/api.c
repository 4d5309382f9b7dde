/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes whole requests against a small store: whatever comes is answered, in a form that a web
 * server reads as it was meant, and is never berth's own fault. */
#include "fuzz/fuzz.h"

#include "api/api.h"
#include "base/json.h"
#include "oci/digester.h"
#include "registry/push_blob.h"
#include "registry/push_manifest.h"

#include <unistd.h>

/* A new store after so many inputs, since they leave upload sessions behind. */
#define INPUTS_PER_STORE 500

#define SESSION "01234567-89ab-cdef-0123-456789abcdef"
#define MANIFEST "{\"schemaVersion\":2,\"layers\":[]}"

static ssize_t read_config(void *from, void *bytes, size_t len, struct err *err)
{
    int *left = from;

    (void)len;
    (void)err;
    memcpy(bytes, "{}", 2);
    ssize_t n = *left;
    *left = 0;
    return n;
}

/* Repository `a` has a blob of `{}`, a manifest with the tag v1, and an upload session. */
static void fill(void)
{
    const struct registry registry = {.store = &temp_store};
    struct push_session session = {.name = {"a"}, .user = ""};
    struct push_manifest push = {.name = {"a"}, .bytes = MANIFEST, .len = strlen(MANIFEST)};
    struct pushed_manifest pushed;
    struct digest digest;
    struct err err;
    AUTO_DIRTY dirty = {0};
    int left = 2;

    digester_of(&digest, DIGEST_SHA256, "{}", 2);
    must_hold(push_blob_whole(&registry, &session, &digest, (struct push_body){read_config, &left},
                              &err) == 0);
    must_hold(reference_parse(&push.reference, "v1", 2, &err) == 0);
    must_hold(push_manifest(&registry, &push, &pushed, &err) == 0);
    must_hold(store_write(&temp_store, "repositories/a/_uploads/" SESSION "/data", "abc", 3, &dirty,
                          &err) == 0);
}

static struct store nothing = {.fs.fd = -1};
static struct guard *guard;

static void clean_up(void)
{
    store_close(&nothing);
    guard_free(guard);
    temp_store_remove();
}

static void renew_store(void)
{
    static int inputs;
    struct err err;

    if (inputs++ % INPUTS_PER_STORE != 0)
        return;
    if (temp_store.path) {
        store_close(&nothing);
        temp_store_remove();
    } else {
        atexit(clean_up);
        guard = guard_new("/dev/null", &err);
        must_hold(guard);
    }
    temp_store_make();
    must_hold(store_open_nothing(&nothing, &temp_store, &err) == 0);
    fill();
}

static int collect(void *to, const void *bytes, size_t len)
{
    buf_add(to, bytes, len);
    return 0;
}

static void check_response(const struct response *response)
{
    AUTO_BUF headers = BUF_INIT;
    AUTO_BUF body = BUF_INIT;

    must_hold(response->status >= 200 && response->status < 500);
    response_print_headers(response, &headers);
    must_hold(!strncmp(headers.s, "Status: ", 8) && strlen(headers.s) == headers.len);
    must_hold(strstr(headers.s, "\r\n\r\n") == headers.s + headers.len - 4);
    must_hold(response_send_body(response, collect, &body) == 0);
    must_hold((int64_t)body.len == response_body_len(response));
    if (response->status >= 400 && body.len > 0) {
        struct err err;
        struct json *json = json_parse(body.s, body.len, 5, &err);
        must_hold(json_text(json_get(json_array_at(json_get(json, "errors"), 0), "code")));
        json_free(json);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    renew_store();

    struct cgi_input input = cgi_input_of(bytes, len);
    struct api api = {
        .frozen = &temp_frozen, .store = &temp_store, .nothing = &nothing, .guard = guard};
    struct request request;
    struct api_told told;
    struct response response;
    struct err err;

    response_init(&response);
    if (request_init(&request, input.variables, cgi_input_read, &input, &err) == 0)
        route_answer(&api, &request, &told, &response);
    else
        error_answer(&response, &err);
    check_response(&response);
    response_free(&response);
    request_free(&request);
    free(input.text);
    return 0;
}
