/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth import`: what it reads from. */
#include "transfer/import_source.h"

#include "base/dir.h"
#include "base/mem.h"
#include "oci/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A hundred bytes each. */
#define MEMBERS_MAX ((size_t)2 << 20)
#define LINKS_MAX 16
#define DEPTH_MAX 12

int source_open(struct source *source, const char *path, struct err *err)
{
    struct stat st;

    *source = (struct source){.path = path, .fd = -1, .directory = {.fd = -1}};
    if (!strcmp(path, "-")) {
        source->path = "standard input";
        source->fd = dup(STDIN_FILENO);
    } else {
        source->fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (source->fd < 0 || fstat(source->fd, &st) < 0) {
        int errnum = errno;
        err_sys(err, errnum, "%s", path);
        if (errnum == ENOENT)
            err_recode(err, ERR_NOT_FOUND);
        file_close(&source->fd);
        return -1;
    }
    source->is_directory = S_ISDIR(st.st_mode);
    if (source->is_directory) {
        source->directory.fd = source->fd;
        source->fd = -1;
    }
    return 0;
}

void source_close(struct source *source)
{
    file_close(&source->fd);
    file_close(&source->directory.fd);
    free(source->member);
    arena_free(&source->names);
}

struct unpacking {
    const struct fs_root *fs;
    int fd;
    int64_t len;
};

static int unpack_to(void *context, const void *bytes, size_t len, struct err *err)
{
    struct unpacking *unpacking = context;

    if (file_pwrite_all(unpacking->fd, bytes, len, unpacking->len, err) < 0)
        return -1;
    unpacking->len += (int64_t)len;
    return 0;
}

/* Puts an unpacked file in the place of a pipe or a compressed one. */
static int unpack(struct source *source, const struct store *store, int64_t total,
                  const struct progress *progress, struct err *err)
{
    struct unpacking unpacking = {&store->fs, -1, 0};

    if (store_scratch(store, &unpacking.fd, err) < 0)
        return -1;
    if (archive_reader_unpack(source->fd, total, progress, unpack_to, &unpacking, err) < 0) {
        file_close(&unpacking.fd);
        return -1;
    }
    file_close(&source->fd);
    source->fd = unpacking.fd;
    return 0;
}

/* How many members there are, and a place for the next. */
static struct source_member *next_member(struct source *source)
{
    if ((source->n_members & (source->n_members - 1)) == 0) /* doubles at each power of two */
        source->member = mem_grow(source->member, source->n_members ? 2 * source->n_members : 1,
                                  sizeof *source->member);
    return &source->member[source->n_members];
}

static int add_member(void *context, const struct archive_member *member, struct err *err)
{
    struct source *source = context;
    AUTO_BUF name = BUF_INIT;
    AUTO_BUF target = BUF_INIT;

    if (!saved_path(&name, member->name, NULL) || name.len == 0)
        return err_set(err, ERR_ARCHIVE_INVALID,
                       "the archive has a member whose name is absolute, has \"..\" or cannot be "
                       "shown");
    if (source->n_members == MEMBERS_MAX)
        return err_set(err, ERR_ARCHIVE_INVALID, "the archive has more than %zu members",
                       MEMBERS_MAX);
    struct source_member *added = next_member(source);
    *added = (struct source_member){arena_strndup(&source->names, name.s, name.len), NULL,
                                    member->offset, member->size};
    source->n_members++;
    if (member->kind == ARCHIVE_MEMBER_FILE)
        return 0;
    bool symbolic = member->kind == ARCHIVE_MEMBER_SYMLINK;
    if (!saved_path(&target, member->target, symbolic ? name.s : NULL))
        return err_set(err, ERR_ARCHIVE_INVALID, "%s is a link out of the archive", name.s);
    added->target = arena_strndup(&source->names, target.s, target.len);
    return 0;
}

static int compare_members(const void *a, const void *b)
{
    const struct source_member *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : (left->offset > right->offset) - (left->offset < right->offset);
}

/* What stands twice would be one thing to one program and another thing to another. */
static int check_twice(const struct source *source, struct err *err)
{
    for (size_t i = 1; i < source->n_members; i++) {
        const struct source_member *member = &source->member[i];
        if (!strcmp(member[-1].name, member->name) && strncmp(member->name, "blobs/", 6) != 0)
            return err_set(err, ERR_ARCHIVE_INVALID, "%s is in the archive twice", member->name);
    }
    return 0;
}

static int load_tar(struct source *source, const struct store *store,
                    const struct progress *progress, struct err *err)
{
    struct stat st;
    int packed = 1;

    if (fstat(source->fd, &st) < 0)
        return err_sys(err, errno, "%s", source->path);
    bool seekable = S_ISREG(st.st_mode);
    /* Standard input may stand behind what somebody else has read of it. */
    if (seekable && lseek(source->fd, 0, SEEK_CUR) == 0)
        packed = archive_reader_is_compressed(source->fd, err);
    if (packed < 0 ||
        (packed && unpack(source, store, seekable ? st.st_size : -1, progress, err) < 0) ||
        archive_reader_list(source->fd, add_member, source, err) < 0)
        return -1;
    if (source->n_members)
        qsort(source->member, source->n_members, sizeof *source->member, compare_members);
    return check_twice(source, err);
}

int source_load(struct source *source, const struct store *store, const struct progress *progress,
                struct err *err)
{
    return source->is_directory ? 0 : load_tar(source, store, progress, err);
}

/* The first member whose name is not before this one. */
static size_t lower_bound(const struct source *source, const char *name)
{
    size_t low = 0, high = source->n_members;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(source->member[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int find_member(const struct source *source, const char *name, struct source_file *file,
                       struct err *err)
{
    for (int links = 0; links < LINKS_MAX; links++) {
        size_t i = lower_bound(source, name);
        if (i == source->n_members || strcmp(source->member[i].name, name) != 0)
            return 0;
        const struct source_member *member = &source->member[i];
        if (!member->target) {
            *file = (struct source_file){source->fd, false, member->offset, member->size};
            return 1;
        }
        name = member->target;
    }
    return err_set(err, ERR_ARCHIVE_INVALID, "%s: the links go round in circles", name);
}

static int find_file(const struct source *source, const char *name, struct source_file *file,
                     struct err *err)
{
    struct err failure;
    struct stat st;
    int fd;

    int found = fs_open(&source->directory, name, O_RDONLY | O_NONBLOCK, &fd, &failure);
    if (found < 0 && failure.sys == EACCES)
        return err_set(err, ERR_IO,
                       "%s/%s: user %ld, to whom the store belongs, may not read it: try tar "
                       "-cC DIR . | berth import -",
                       source->path, name, (long)geteuid());
    if (found < 0)
        return err_copy(err, &failure);
    if (found == 0)
        return 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return 0;
    }
    *file = (struct source_file){fd, true, 0, st.st_size};
    return 1;
}

int source_find(const struct source *source, const char *name, struct source_file *file,
                struct err *err)
{
    return source->is_directory ? find_file(source, name, file, err)
                                : find_member(source, name, file, err);
}

void source_file_close(struct source_file *file)
{
    if (file->own)
        close(file->fd);
    file->own = false;
}

ssize_t source_file_read(const struct source_file *file, int64_t at, void *bytes, size_t len,
                         struct err *err)
{
    int64_t rest = file->size - at;
    size_t n = rest < (int64_t)len ? (size_t)rest : len;

    if (n > 0 && file_pread_all(file->fd, bytes, n, file->offset + at, err) < 0)
        return -1;
    return (ssize_t)n;
}

int source_read(const struct source *source, const char *name, size_t limit, struct buf *out,
                struct err *err)
{
    struct source_file file;

    int found = source_find(source, name, &file, err);
    if (found <= 0)
        return found;
    if (file.size > (int64_t)limit) {
        source_file_close(&file);
        return err_set(err, ERR_ARCHIVE_INVALID, "%s has %jd bytes, more than %zu", name,
                       (intmax_t)file.size, limit);
    }
    ssize_t n =
        source_file_read(&file, 0, buf_reserve(out, (size_t)file.size), (size_t)file.size, err);
    source_file_close(&file);
    if (n < 0)
        return -1;
    out->len = (size_t)n;
    out->s[out->len] = '\0';
    return 1;
}

static int each_below(const struct source *source, const char *below, int depth,
                      source_visit_fn *visit, void *context, struct err *err)
{
    AUTO_STRINGS names = {0};
    struct err failure;
    struct stat st;

    if (dir_list(&source->directory, *below ? below : ".", &names, &failure) < 0)
        return failure.sys == ELOOP || failure.sys == ENOTDIR ? 0 : err_copy(err, &failure);
    for (size_t i = 0; i < names.n; i++) {
        AUTO_BUF path = BUF_INIT;
        buf_addf(&path, "%s%s", below, *below ? "/" : "");
        int stop = 0;
        if (!saved_path(&path, names.v[i], NULL))
            continue;
        int found = fs_stat(&source->directory, path.s, &st, err);
        if (found < 0)
            return -1;
        if (found && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            stop = each_below(source, path.s, depth + 1, visit, context, err);
        else if (found && S_ISREG(st.st_mode))
            stop = visit(context, path.s, err);
        if (stop)
            return stop;
    }
    return 0;
}

int source_each(const struct source *source, const char *below, source_visit_fn *visit,
                void *context, struct err *err)
{
    size_t len = strlen(below);

    if (source->is_directory)
        return each_below(source, below, 0, visit, context, err);
    for (size_t i = lower_bound(source, below); i < source->n_members; i++) {
        const struct source_member *member = &source->member[i];
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
