/* SPDX-License-Identifier: Apache-2.0
 * A process whose system calls are watched. */
#include "crash/tracee.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct sock_fprog tracee_filter(const int *calls, size_t n, uint32_t action,
                                struct sock_filter *rows)
{
    size_t at = 0;

    rows[at++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < n; i++)
        rows[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i],
                                                  (unsigned char)(n - i), 0);
    rows[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    rows[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
    return (struct sock_fprog){(unsigned short)at, rows};
}

ssize_t tracee_peek(pid_t pid, uint64_t address, void *to, size_t len)
{
    struct iovec here = {to, len}, there = {(void *)(uintptr_t)address, len};

    return process_vm_readv(pid, &here, 1, &there, 1, 0);
}

ssize_t tracee_poke(pid_t pid, uint64_t address, const void *from, size_t len)
{
    struct iovec here = {(void *)(uintptr_t)from, len}, there = {(void *)(uintptr_t)address, len};

    return process_vm_writev(pid, &here, 1, &there, 1, 0);
}

void tracee_text(pid_t pid, uint64_t address, char *to, size_t size)
{
    size_t len = 0;

    while (address && len < size - 1) {
        /* Not beyond the end of a page, behind which there may be nothing. */
        size_t piece = 4096 - (address + len) % 4096;
        if (piece > size - 1 - len)
            piece = size - 1 - len;
        ssize_t n = tracee_peek(pid, address + len, to + len, piece);
        if (n <= 0)
            break;
        if (memchr(to + len, '\0', (size_t)n))
            return;
        len += (size_t)n;
    }
    to[len] = '\0';
}

void tracee_file(pid_t pid, int fd, char *to, size_t size)
{
    char link[64];

    if (fd == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%d/cwd", pid);
    else
        snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, fd);
    ssize_t len = readlink(link, to, size - 1);
    to[len < 0 ? 0 : len] = '\0';
}
