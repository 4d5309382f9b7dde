# SPDX-License-Identifier: Apache-2.0
"""What a kubelet does to have an image: PullImage of the Kubernetes Container Runtime Interface. That is gRPC, which
is protobuf after a five byte prefix over HTTP/2, and curl speaks HTTP/2 over a Unix socket."""

import re
import struct
import subprocess
from urllib.parse import unquote

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
    """The status of a unary call, its message, and the reply. Status 0 is success."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--unix-socket", socket,
         "--header", "Content-Type: application/grpc", "--header", "TE: trailers", "--data-binary", "@-",
         "--dump-header", "/dev/stderr", IMAGE_SERVICE + method],
        input=struct.pack(">?I", False, len(message)) + message, capture_output=True, timeout=120)
    status = re.search(rb"^grpc-status: *(\d+)", done.stderr, re.MULTILINE)
    assert status, f"{method}: {done.stderr.decode(errors='replace')}"
    text = re.search(rb"^grpc-message: *(.*?)\r?$", done.stderr, re.MULTILINE)
    return int(status[1]), unquote(text[1].decode()) if text else "", done.stdout[5:]


def _pull(socket, image, credentials):
    request = _field(1, _field(1, image.encode()))
    if credentials:  # AuthConfig: as a kubelet takes them from an imagePullSecret
        user, password = credentials
        request += _field(2, _field(1, user.encode()) + _field(2, password.encode()))
    return _call(socket, "PullImage", request)


def pull_image(socket, image, credentials=None):
    """Pulls an image and returns the reference that the runtime keeps it by: the digest of its configuration.
    `credentials` are a user and a password."""
    status, text, reply = _pull(socket, image, credentials)
    assert status == 0, f"pull of {image}: {text}"
    # PullImageResponse is one string in field 1, shorter than 128 bytes.
    return reply[2 : 2 + reply[1]].decode()


def refusal(socket, image, credentials=None):
    """What the runtime says of a pull that it refuses, and None if it pulled the image."""
    status, text, _ = _pull(socket, image, credentials)
    return text if status else None
