#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command for which the kernel has no openat2(2), as before Linux 5.6 and in some sandboxes.  refuse.py COMMAND...

Whatever the command starts finds it missing too (seccomp(2)).
"""

import ctypes
import errno
import os
import struct
import sys

OPENAT2 = 437  # on every architecture
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of BPF
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse(number: int):
    """The system call fails with ENOSYS from here on."""
    def instruction(code, if_true, if_false, operand):
        return struct.pack("=HBBI", code, if_true, if_false, operand)

    steps = [instruction(LOAD_WORD, 0, 0, 0), instruction(JUMP_IF_EQUAL, 0, 1, number),
             instruction(RETURN, 0, 0, ERRNO | errno.ENOSYS), instruction(RETURN, 0, 0, ALLOW)]
    libc = ctypes.CDLL(None, use_errno=True)
    # Only root may leave programs that gain rights as they are.
    if os.geteuid() != 0 and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    program = Program(len(steps), b"".join(steps))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


if __name__ == "__main__":
    refuse(OPENAT2)
    os.execvp(sys.argv[1], sys.argv[1:])
