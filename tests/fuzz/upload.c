/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the `state` of an upload session: whatever stands there, a session that opens has the
 * digest of its bytes unless the state carries a hash of its own. */
#include "fuzz/fuzz.h"

#include "oci/digester.h"
#include "store/layout.h"
#include "store/upload.h"

#include <unistd.h>

#define ID "01234567-89ab-cdef-0123-456789abcdef"
#define DATA "the first bytes of a layer, more than one block of SHA-256 of them, then: the rest"

static void put(const struct name *name, const char *file, const void *bytes, size_t len)
{
    struct layout_path path;
    AUTO_DIRTY dirty = {0};
    struct err err;

    layout_upload(&path, name, ID, file);
    must_hold(store_write(&temp_store, path.s, bytes, len, &dirty, &err) == 0);
}

static void check_open(struct upload *upload)
{
    struct digest actual, expected;
    struct err err;

    must_hold(upload->offset >= 0 && upload->offset <= (int64_t)strlen(DATA));
    must_hold(lseek(upload->fd, 0, SEEK_END) == upload->offset);
    bool carried = upload->digester_valid && upload->offset > 0;
    must_hold(upload_digest(upload, DIGEST_SHA256, &actual, &err) == 0);
    digester_of(&expected, DIGEST_SHA256, DATA, (size_t)upload->offset);
    must_hold(carried || digest_equal(&actual, &expected));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct name name = {"a"};
    struct upload upload;
    struct err err;
    int64_t offset;

    if (!temp_store.path) {
        temp_store_make();
        atexit(temp_store_remove);
    }
    put(&name, "data", DATA, strlen(DATA));
    put(&name, "state", bytes, len);
    int known = upload_offset(&temp_store, &name, ID, "", &offset, &err);
    int opened = upload_open(&temp_store, &name, ID, "", &upload, &err);
    must_hold(known == opened);
    if (opened == 0) {
        must_hold(upload.offset == offset);
        check_open(&upload);
        upload_close(&upload);
    }
    return 0;
}
