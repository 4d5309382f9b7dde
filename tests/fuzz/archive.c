/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the archive reader: the list of a tar's members, and what comes out of a compressed file.
 * Whatever an archive says, a member lies within the file, and what is not compressed comes out as
 * it is. */
#include "fuzz/fuzz.h"

#include "pack/archive.h"

#include <sys/mman.h>
#include <unistd.h>

/* Beyond it the sink says stop: what grows is somebody else's test. */
#define UNPACKED_MAX ((size_t)1 << 20)
#define MEMBERS_MAX 1000
enum { STOPPED = 7 };

struct unpacked {
    const uint8_t *bytes; /* of the file */
    size_t len;
    size_t members; /* that were listed */
    size_t n;       /* bytes that came */
    bool same;      /* as those of the file so far */
};

static int visit(void *context, const struct archive_member *member, struct err *err)
{
    struct unpacked *file = context;

    (void)err;
    must_hold(member->name);
    must_hold((member->kind != ARCHIVE_MEMBER_FILE) == (member->target != NULL));
    if (member->kind == ARCHIVE_MEMBER_FILE) {
        must_hold(member->offset >= 0 && member->size >= 0);
        must_hold((size_t)member->offset <= file->len);
        must_hold((size_t)member->size <= file->len - (size_t)member->offset);
    }
    return ++file->members == MEMBERS_MAX ? STOPPED : 0;
}

static int take(void *context, const void *bytes, size_t len, struct err *err)
{
    struct unpacked *file = context;

    (void)err;
    file->same = file->same && len <= file->len - file->n &&
                 (len == 0 || memcmp(file->bytes + file->n, bytes, len) == 0);
    file->n += len;
    return file->n > UNPACKED_MAX ? STOPPED : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct unpacked file = {.bytes = bytes, .len = len, .same = true};
    struct progress nobody = {0};
    struct err err = {0};
    int fd = memfd_create("archive", MFD_CLOEXEC);

    must_hold(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    must_hold(lseek(fd, 0, SEEK_SET) == 0);
    int listed = archive_reader_list(fd, visit, &file, &err);
    must_hold(listed == 0 || listed == STOPPED ||
              (listed == -1 && err.code == ERR_ARCHIVE_INVALID));
    int compressed = archive_reader_is_compressed(fd, &err);
    must_hold(compressed == 0 || compressed == 1 || err.code == ERR_ARCHIVE_INVALID);
    must_hold(lseek(fd, 0, SEEK_CUR) == 0);

    int unpacked = archive_reader_unpack(fd, (int64_t)len, &nobody, take, &file, &err);
    must_hold(unpacked == 0 || unpacked == STOPPED ||
              (unpacked == -1 && err.code == ERR_ARCHIVE_INVALID));
    if (unpacked == 0 && compressed == 0)
        must_hold(file.same && file.n == len);
    close(fd);
    return 0;
}
