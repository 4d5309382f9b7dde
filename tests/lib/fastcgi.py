# SPDX-License-Identifier: Apache-2.0
"""Speaks FastCGI to a socket, as a web server does (FastCGI Specification): whoever can connect may say anything.
fastcgi.py SOCKET NAME=VALUE..."""

import socket
import struct
import sys

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
RESPONDER = 1


def record(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def length(n: int) -> bytes:
    return struct.pack(">B", n) if n < 128 else struct.pack(">I", n | 1 << 31)


def request(path: str, variables: dict[str, str], patience: float = 20) -> bytes:
    """What berth answers to a request without a body, each piece of it within so many seconds."""
    pairs = b"".join(length(len(name)) + length(len(value)) + name.encode() + value.encode() for name, value in variables.items())
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        connection.connect(path)
        connection.sendall(record(BEGIN, struct.pack(">HB5x", RESPONDER, 0)) + record(PARAMS, pairs) + record(PARAMS, b"") +
                           record(STDIN, b""))
        answer = b""
        stream = connection.makefile("rb")
        while header := stream.read(8):
            _, kind, _, size, padding, _ = struct.unpack(">BBHHBB", header)
            content = stream.read(size + padding)[:size]
            if kind == STDOUT:
                answer += content
            if kind == END:
                break
    return answer


if __name__ == "__main__":
    sys.stdout.buffer.write(request(sys.argv[1], dict(pair.split("=", 1) for pair in sys.argv[2:])))
