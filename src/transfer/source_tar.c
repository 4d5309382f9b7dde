/* SPDX-License-Identifier: Apache-2.0
 * L4: import: a tar as a source. */
#include "transfer/source_tar.h"

#include "base/arena.h"
#include "base/array.h"
#include "base/fs.h"
#include "base/hex.h"
#include "oci/saved.h"
#include "pack/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* For the list of members. */
#define LIST_BYTES_MAX ((size_t)40 << 20)
#define LINKS_MAX 16

#define BLOBS "blobs/sha256/"

struct member {
    const char *name;
    const char *target; /* of a link, as a name; NULL: it is a file */
    int64_t offset, size;
};

/* A member blobs/sha256/<hex> that is a file: there may be many. */
struct packed {
    unsigned char raw[32];
    int64_t offset, size;
};

struct tar {
    struct source base;
    int fd;
    struct packed *blobs; /* sorted by raw */
    size_t n_blobs;
    struct member *members; /* the others, sorted by name */
    size_t n_members;
    struct arena names;
    size_t list_bytes;
};

static struct tar *tar_of(struct source *source)
{
    return (struct tar *)source;
}

struct unpacking {
    const struct transfer_options *options;
    int fd;
    int64_t len;
};

static int unpack_to(void *context, const void *bytes, size_t len, struct err *err)
{
    struct unpacking *unpacking = context;

    if (transfer_check(unpacking->options, err) < 0 ||
        file_pwrite_all(unpacking->fd, bytes, len, unpacking->len, err) < 0)
        return -1;
    unpacking->len += (int64_t)len;
    return 0;
}

/* Puts an unpacked file in the place of a pipe or a compressed one. total: bytes of that, -1: not
 * known. */
static int unpack(struct tar *tar, const struct transfer_options *options, int64_t total,
                  struct err *err)
{
    struct unpacking unpacking = {options, -1, 0};

    if (store_scratch(options->registry->store, &unpacking.fd, err) < 0)
        return -1;
    if (archive_reader_unpack(tar->fd, total, options->bytes, unpack_to, &unpacking, err) < 0) {
        file_close(&unpacking.fd);
        return -1;
    }
    file_close(&tar->fd);
    tar->fd = unpacking.fd;
    return 0;
}

static bool unpack_name(unsigned char raw[32], const char *name)
{
    return !strncmp(name, BLOBS, strlen(BLOBS)) && strlen(name) == strlen(BLOBS) + 64 &&
           hex_decode(raw, name + strlen(BLOBS), 32);
}

static int check_room(struct tar *tar, size_t bytes, struct err *err)
{
    tar->list_bytes += bytes;
    if (tar->list_bytes <= LIST_BYTES_MAX)
        return 0;
    return err_set(err, ERR_ARCHIVE_INVALID,
                   "the archive has so many members that their list takes more than %zu MiB: "
                   "unpack it, and import the directory",
                   LIST_BYTES_MAX >> 20);
}

static int add_blob(struct tar *tar, const unsigned char raw[32],
                    const struct archive_member *member, struct err *err)
{
    struct packed *added = ARRAY_ADD(tar->blobs, tar->n_blobs);

    *added = (struct packed){.offset = member->offset, .size = member->size};
    memcpy(added->raw, raw, sizeof added->raw);
    return check_room(tar, sizeof *added, err);
}

static int add_member(void *context, const struct archive_member *member, struct err *err)
{
    struct tar *tar = context;
    unsigned char raw[32];
    AUTO_BUF name = BUF_INIT;
    AUTO_BUF target = BUF_INIT;

    if (!saved_path(&name, member->name, NULL) || name.len == 0)
        return err_set(err, ERR_ARCHIVE_INVALID,
                       "the archive has a member whose name is absolute, has \"..\" or cannot be "
                       "shown");
    if (member->kind == ARCHIVE_MEMBER_FILE && unpack_name(raw, name.s))
        return add_blob(tar, raw, member, err);
    if (check_room(tar, sizeof *tar->members + name.len, err) < 0)
        return -1;
    struct member *added = ARRAY_ADD(tar->members, tar->n_members);
    *added = (struct member){arena_strndup(&tar->names, name.s, name.len), NULL, member->offset,
                             member->size};
    if (member->kind == ARCHIVE_MEMBER_FILE)
        return 0;
    bool symbolic = member->kind == ARCHIVE_MEMBER_SYMLINK;
    if (!saved_path(&target, member->target, symbolic ? name.s : NULL))
        return err_set(err, ERR_ARCHIVE_INVALID, "%s is a link out of the archive", name.s);
    added->target = arena_strndup(&tar->names, target.s, target.len);
    return check_room(tar, target.len, err);
}

static int compare_blobs(const void *a, const void *b)
{
    const struct packed *left = a, *right = b;
    int order = memcmp(left->raw, right->raw, sizeof left->raw);

    return order ? order : (left->offset > right->offset) - (left->offset < right->offset);
}

static int compare_members(const void *a, const void *b)
{
    const struct member *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : (left->offset > right->offset) - (left->offset < right->offset);
}

/* What stands twice would be one thing to one program and another thing to another. */
static int check_twice(const struct tar *tar, struct err *err)
{
    for (size_t i = 1; i < tar->n_members; i++) {
        const struct member *member = &tar->members[i];
        if (!strcmp(member[-1].name, member->name) && strncmp(member->name, "blobs/", 6) != 0)
            return err_set(err, ERR_ARCHIVE_INVALID, "%s is in the archive twice", member->name);
    }
    return 0;
}

static int load(struct source *source, const struct transfer_options *options, struct err *err)
{
    struct tar *tar = tar_of(source);
    struct stat st;
    int packed = 1;

    if (fstat(tar->fd, &st) < 0)
        return err_sys(err, errno, "%s", source->label);
    bool seekable = S_ISREG(st.st_mode);
    /* Standard input may stand behind what somebody else has read of it. */
    if (seekable && lseek(tar->fd, 0, SEEK_CUR) == 0)
        packed = archive_reader_is_compressed(tar->fd, err);
    if (packed < 0 || (packed && unpack(tar, options, seekable ? st.st_size : -1, err) < 0) ||
        archive_reader_list(tar->fd, add_member, tar, err) < 0)
        return -1;
    if (tar->n_members)
        qsort(tar->members, tar->n_members, sizeof *tar->members, compare_members);
    if (tar->n_blobs)
        qsort(tar->blobs, tar->n_blobs, sizeof *tar->blobs, compare_blobs);
    return check_twice(tar, err);
}

/* The first blob that is not before this one. */
static size_t blob_bound(const struct tar *tar, const unsigned char raw[32])
{
    size_t low = 0, high = tar->n_blobs;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(tar->blobs[middle].raw, raw, 32) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool find_blob(const struct tar *tar, const char *name, struct source_file *file)
{
    unsigned char raw[32];

    if (!unpack_name(raw, name))
        return false;
    size_t i = blob_bound(tar, raw);
    if (i == tar->n_blobs || memcmp(tar->blobs[i].raw, raw, sizeof raw) != 0)
        return false;
    file->fd = tar->fd;
    file->offset = tar->blobs[i].offset;
    file->size = tar->blobs[i].size;
    return true;
}

/* The first member whose name is not before this one. */
static size_t lower_bound(const struct tar *tar, const char *name)
{
    size_t low = 0, high = tar->n_members;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(tar->members[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int find(struct source *source, const char *name, struct source_file *file, struct err *err)
{
    const struct tar *tar = tar_of(source);

    for (int links = 0; links < LINKS_MAX; links++) {
        if (find_blob(tar, name, file))
            return 1;
        size_t i = lower_bound(tar, name);
        if (i == tar->n_members || strcmp(tar->members[i].name, name) != 0)
            return 0;
        const struct member *member = &tar->members[i];
        if (!member->target) {
            file->fd = tar->fd;
            file->offset = member->offset;
            file->size = member->size;
            return 1;
        }
        name = member->target;
    }
    return err_set(err, ERR_ARCHIVE_INVALID, "%s: the links go round in circles", name);
}

static int read_at(const struct source_file *file, int64_t at, void *bytes, size_t len,
                   struct err *err)
{
    return file_pread_all(file->fd, bytes, len, file->offset + at, err);
}

static int each_blob(const struct tar *tar, source_visit_fn *visit, void *context, struct err *err)
{
    char name[sizeof BLOBS + 64];
    int stop = 0;

    for (size_t i = 0; i < tar->n_blobs && !stop; i++) {
        memcpy(name, BLOBS, strlen(BLOBS));
        hex_encode(name + strlen(BLOBS), tar->blobs[i].raw, 32);
        stop = visit(context, name, err);
    }
    return stop;
}

static int each(struct source *source, const char *below, source_visit_fn *visit, void *context,
                struct err *err)
{
    const struct tar *tar = tar_of(source);
    size_t len = strlen(below);

    /* The parts of the path that they all have. */
    if (!strncmp(BLOBS, below, len) && (len == 0 || BLOBS[len] == '/')) {
        int stop = each_blob(tar, visit, context, err);
        if (stop)
            return stop;
    }
    for (size_t i = lower_bound(tar, below); i < tar->n_members; i++) {
        const struct member *member = &tar->members[i];
        if (strncmp(member->name, below, len) != 0)
            break;
        if (member->target || (len > 0 && member->name[len] != '/'))
            continue;
        int stop = visit(context, member->name, err);
        if (stop)
            return stop;
    }
    return 0;
}

static void close_tar(struct source *source)
{
    struct tar *tar = tar_of(source);

    file_close(&tar->fd);
    free(tar->blobs);
    free(tar->members);
    arena_free(&tar->names);
    free(tar);
}

static const struct source_kind kind = {
    .load = load,
    .find = find,
    .read = read_at,
    .each = each,
    .close = close_tar,
};

struct source *source_tar_new(int fd, const char *label)
{
    struct tar *tar = source_new(sizeof *tar, &kind, label);

    tar->fd = fd;
    return &tar->base;
}
