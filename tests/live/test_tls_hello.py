# SPDX-License-Identifier: Apache-2.0
"""The plain port, tried with TLS first: docker, podman and skopeo do so with each insecure registry."""

import contextlib
import ssl
import time

from tests.lib import client


def client_hello():
    """The first record that a TLS client sends."""
    outgoing = ssl.MemoryBIO()
    handshake = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        handshake.do_handshake()
    return outgoing.read()


def test_hello_is_refused_at_once(front):
    """By what begins like HTTP, so that the client goes on without TLS, and by the end of the connection. A server
    that waits for the end of a header section costs a client seconds each time."""
    with client.connect(front.port) as connection, connection.makefile("rb") as stream:
        start = time.monotonic()
        connection.sendall(client_hello())
        answer = stream.read()
    assert answer.startswith(b"HTTP/1.")
    assert answer.split()[1] == b"400"
    assert time.monotonic() - start < 1
