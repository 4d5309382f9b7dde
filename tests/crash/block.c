/* SPDX-License-Identifier: Apache-2.0
 * A disk that remembers: a file system of one file, for a loop device over it, which logs each
 * write and each flush of the device's cache in the order in which they came:
 *
 *     block IMAGE LOG DIRECTORY
 *
 * mounts itself on DIRECTORY, where `disk` then is, prints "ready", and serves until it is
 * unmounted. What is written goes to IMAGE, too. LOG gets records of two 64-bit numbers in this
 * machine's order, offset and length, and behind them the bytes; a flush is a record of offset
 * 2^64-1 and length 0.
 *
 * It speaks to /dev/fuse itself (linux/fuse.h), so that the tests need no library. A loop device
 * turns REQ_OP_FLUSH into an fsync of its file, and has no FUA: the block layer flushes instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DIE(...) (fprintf(stderr, "block: " __VA_ARGS__), fputc('\n', stderr), exit(1))
#define WRITE_MAX (1u << 20)
#define FILE_NODE 2
#define FLUSHED UINT64_MAX

static int fuse, image, log_fd;
static char request[WRITE_MAX + 65536];
static char bytes[WRITE_MAX];

static void reply(uint64_t unique, int error, const void *data, size_t len)
{
    struct fuse_out_header head = {(uint32_t)(sizeof head + len), -error, unique};
    struct iovec pieces[] = {{&head, sizeof head}, {(void *)(uintptr_t)data, len}};

    if (writev(fuse, pieces, 2) < 0 && errno != ENOENT) /* who asked was killed */
        DIE("reply: %s", strerror(errno));
}

static void record(uint64_t offset, const void *data, uint64_t len)
{
    uint64_t head[] = {offset, len};
    struct iovec pieces[] = {{head, sizeof head}, {(void *)(uintptr_t)data, len}};

    if (writev(log_fd, pieces, 2) != (ssize_t)(sizeof head + len))
        DIE("the log: %s", strerror(errno));
}

static struct fuse_attr attributes(uint64_t node)
{
    struct fuse_attr attr = {.ino = node, .nlink = 1, .blksize = 4096};
    struct stat st;

    attr.mode = S_IFDIR | 0755;
    if (node == FILE_NODE) {
        fstat(image, &st);
        attr.mode = S_IFREG | 0600;
        attr.size = (uint64_t)st.st_size;
        attr.blocks = attr.size / 512;
    }
    return attr;
}

static void initialise(const struct fuse_in_header *in, const struct fuse_init_in *init)
{
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = init->max_readahead,
        .flags = init->flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES),
        .max_background = 64,
        .max_write = WRITE_MAX,
        .max_pages = WRITE_MAX / 4096,
    };

    reply(in->unique, 0, &out, sizeof out);
}

static void look_up(const struct fuse_in_header *in, const char *name)
{
    struct fuse_entry_out out = {.nodeid = FILE_NODE, .attr = attributes(FILE_NODE)};
    int error = strcmp(name, "disk") == 0 ? 0 : ENOENT;

    reply(in->unique, error, &out, error ? 0 : sizeof out);
}

static void read_some(const struct fuse_in_header *in, const struct fuse_read_in *wanted)
{
    ssize_t n = pread(image, bytes, wanted->size, (off_t)wanted->offset);

    reply(in->unique, n < 0 ? errno : 0, bytes, n < 0 ? 0 : (size_t)n);
}

static void write_some(const struct fuse_in_header *in, const struct fuse_write_in *given)
{
    const void *data = given + 1;
    struct fuse_write_out out = {.size = given->size};

    if (pwrite(image, data, given->size, (off_t)given->offset) != (ssize_t)given->size)
        DIE("the image: %s", strerror(errno));
    record(given->offset, data, given->size);
    reply(in->unique, 0, &out, sizeof out);
}

static void serve(const struct fuse_in_header *in)
{
    const void *body = in + 1;
    struct fuse_attr_out attr = {.attr = attributes(in->nodeid)};
    struct fuse_open_out opened = {.open_flags = in->opcode == FUSE_OPEN ? FOPEN_DIRECT_IO : 0};
    struct fuse_statfs_out room = {.st = {.bsize = 4096, .namelen = 255}};

    switch (in->opcode) {
    case FUSE_INIT:
        initialise(in, body);
        break;
    case FUSE_LOOKUP:
        look_up(in, body);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        reply(in->unique, 0, &attr, sizeof attr);
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        reply(in->unique, 0, &opened, sizeof opened);
        break;
    case FUSE_STATFS:
        reply(in->unique, 0, &room, sizeof room);
        break;
    case FUSE_READ:
        read_some(in, body);
        break;
    case FUSE_WRITE:
        write_some(in, body);
        break;
    case FUSE_FSYNC:
        record(FLUSHED, NULL, 0);
        reply(in->unique, 0, NULL, 0);
        break;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_READDIR:
        reply(in->unique, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default: /* a discard among them, which the loop device then does not offer */
        reply(in->unique, in->opcode == FUSE_FALLOCATE ? EOPNOTSUPP : ENOSYS, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    char options[128];

    if (argc != 4)
        DIE("usage: block IMAGE LOG DIRECTORY");
    image = open(argv[1], O_RDWR | O_CLOEXEC);
    log_fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (image < 0 || log_fd < 0 || fuse < 0)
        DIE("open: %s", strerror(errno));
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
             fuse);
    if (mount("block", argv[3], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
        DIE("mount: %s", strerror(errno));
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        ssize_t n = read(fuse, request, sizeof request);
        if (n < 0 && errno == ENODEV) /* unmounted */
            return 0;
        if (n < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN)
            DIE("read: %s", strerror(errno));
        if (n >= (ssize_t)sizeof(struct fuse_in_header))
            serve((const struct fuse_in_header *)(const void *)request);
    }
}
