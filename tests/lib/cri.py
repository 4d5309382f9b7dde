# SPDX-License-Identifier: Apache-2.0
"""What a kubelet does to have an image: PullImage of the Kubernetes Container Runtime Interface. That is gRPC, which
is protobuf after a five byte prefix over HTTP/2, and curl speaks HTTP/2 over a Unix socket."""

import re
import struct
import subprocess

IMAGE_SERVICE = "http://localhost/runtime.v1.ImageService/"


def _varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded) + bytes([number])


def _field(number, value):
    """A protobuf field that has a length: a string or a message."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _call(socket, method, message):
    """The reply message of a unary call, which must end with status 0."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--unix-socket", socket,
         "--header", "Content-Type: application/grpc", "--header", "TE: trailers", "--data-binary", "@-",
         "--dump-header", "/dev/stderr", IMAGE_SERVICE + method],
        input=struct.pack(">?I", False, len(message)) + message, capture_output=True, timeout=120)
    status = re.search(rb"^grpc-status: *(\d+)", done.stderr, re.MULTILINE)
    assert status and status[1] == b"0", f"{method}: {done.stderr.decode(errors='replace')}"
    return done.stdout[5:]


def pull_image(socket, image):
    """Pulls an image and returns the reference that the runtime keeps it by: the digest of its configuration."""
    specification = _field(1, image.encode())
    reply = _call(socket, "PullImage", _field(1, specification))
    # PullImageResponse is one string in field 1, shorter than 128 bytes.
    return reply[2 : 2 + reply[1]].decode()
