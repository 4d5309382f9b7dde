# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 as its client wants it: targets, headers and bodies go out as they are, even wrong ones."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message

TIMEOUT = 60  # seconds without a byte

Headers = dict[str, str] | Iterable[tuple[str, str]] | None
# Bytes are sent with their Content-Length, pieces as the chunks of a chunked body unless the headers say how long they
# are together, None is no body.
Body = bytes | Iterable[bytes] | None


@dataclass
class Response:
    status: int
    reason: str
    headers: Message
    body: bytes

    def json(self):
        return json.loads(self.body)


def header_lines(headers: Headers) -> list[tuple[str, str]]:
    """Each header line, in order."""
    return list(headers.items() if isinstance(headers, dict) else headers or ())


def names(headers: Headers) -> set[str]:
    return {name.lower() for name, _ in header_lines(headers)}


def connect(port: int, tls: ssl.SSLContext | None = None, timeout: float = TIMEOUT) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout)
    return tls.wrap_socket(connection, server_hostname="localhost") if tls else connection


def request_head(method: str, target: str | bytes, headers: Headers = None, body: Body = None) -> bytes:
    """Request line and header section. What the headers do not say about host, connection and body is added."""
    named = names(headers)
    defaults = [("Host", "127.0.0.1"), ("Connection", "close")]
    if body is not None and not named & {"content-length", "transfer-encoding"}:
        defaults.append(("Content-Length", str(len(body))) if isinstance(body, bytes) else
                        ("Transfer-Encoding", "chunked"))
    lines = [line for line in defaults if line[0].lower() not in named] + header_lines(headers)
    target = target if isinstance(target, bytes) else target.encode()
    return b"%s %s HTTP/1.1\r\n%s\r\n" % (method.encode(), target,
                                         b"".join(f"{name}: {value}\r\n".encode() for name, value in lines))


def chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, each as a chunk (an empty one would end the body), and the end of the body."""
    for piece in pieces:
        if piece:
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def send(connection: socket.socket, method: str, target: str | bytes, headers: Headers = None, body: Body = None):
    connection.sendall(request_head(method, target, headers, body))
    if isinstance(body, bytes):
        connection.sendall(body)
    elif body is not None:
        for piece in body if "content-length" in names(headers) else chunked(body):
            connection.sendall(piece)


def receive(connection: socket.socket, method: str = "GET") -> Response:
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    with response:
        return Response(response.status, response.reason, response.headers, response.read())


def request(port: int, method: str, target: str | bytes, headers: Headers = None, body: Body = None,
            tls: ssl.SSLContext | None = None) -> Response:
    with connect(port, tls) as connection:
        try:
            send(connection, method, target, headers, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The answer came before the end of the body; if none did, receive() says so.
        return receive(connection, method)


def raw(port: int, data: bytes) -> bytes:
    """All that the server sends in answer to these bytes, until it closes."""
    with connect(port) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            return stream.read()
