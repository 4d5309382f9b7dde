# SPDX-License-Identifier: Apache-2.0
"""A registry to ask, which can be as bad as one likes: every fault below stands for something that upstreams have done.

    with Upstream() as upstream:
        digest = upstream.add_blob(b"...")
        upstream.fault("/blobs/", stall(after=10))
        ... ask upstream.url ...
        assert upstream.requests[0].headers["User-Agent"] ...

Whatever is asked of it stands in `requests`, so that a test can look at who was shown what. Only the standard library.
"""

import base64
import contextlib
import gzip
import hashlib
import json
import re
import socket
import ssl
import struct
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IMAGE_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
PATIENCE = 60  # no fault holds on to a connection for longer than this


def digest_of(content: bytes, algorithm="sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: HTTPMessage

    @property
    def account(self):
        """What it shows of itself: ("Basic", "user:password"), ("Bearer", token), or None."""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if not kind:
            return None
        return kind, base64.b64decode(value).decode() if kind == "Basic" else value


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def setup(self):
        self.request.settimeout(PATIENCE)
        if self.server.upstream.context:
            self.request = self.server.upstream.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        if self.server.upstream.is_silent:
            self.server.upstream.closed.wait(PATIENCE)
        elif getattr(self.request, "selected_alpn_protocol", lambda: None)() == "h2":
            reset_streams(self.request)
        else:
            super().handle()

    def do_GET(self):
        self.server.upstream.answer(self)

    do_HEAD = do_POST = do_GET

    def log_message(self, *_):
        pass

    def send(self, status, headers=(), body=b"", length=None):
        """A whole answer, or with another length the beginning of one."""
        self.send_response(status)
        headers = dict(headers)
        if length is not False:
            headers.setdefault("Content-Length", len(body) if length is None else length)
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name, str(one))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self):
        self.close_connection = True

    def wait(self, seconds=PATIENCE):
        """Until the upstream is closed, or so long."""
        return self.server.upstream.closed.wait(seconds)

    def hold(self):
        """Says nothing more until whoever asked has gone."""
        self.hang_up()
        with contextlib.suppress(OSError):
            self.request.recv(1)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address, upstream):
        self.upstream = upstream
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, 0), Handler)

    def server_bind(self):
        self.socket.bind(self.server_address)  # http.server would look up its own name
        self.server_address = self.socket.getsockname()

    def handle_error(self, *_):
        """Whoever asks may go away at any time."""


@dataclass
class Fault:
    pattern: str
    do: object
    times: int  # -1: for ever
    method: str


@dataclass
class Upstream:
    """wants: None, "basic", "token", or with "other-realm" a token of `realm`, which is another server's."""

    address: str = "127.0.0.1"
    name: str = None  # which it is asked by; None: its address
    tls: tuple = None  # certificate and key
    http2: bool = False  # offered by TLS, and every stream is reset
    wants: str = None
    accounts: dict = field(default_factory=dict)
    realm: str = None  # the token server; None: this one
    lifetime: object = 300
    is_silent: bool = False  # it takes connections and never says a word

    def __post_init__(self):
        self.blobs, self.manifests, self.requests, self.faults = {}, {}, [], []
        self.tags, self.referrers, self.tokens = {}, {}, set()
        self.closed, self.guard = threading.Event(), threading.Lock()
        self.context = None
        if self.tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*self.tls)
            self.context.set_alpn_protocols(["h2", "http/1.1"] if self.http2 else ["http/1.1"])

    def __enter__(self):
        self.server = Server(self.address, self)
        self.port = self.server.server_address[1]
        host = self.name or (f"[{self.address}]" if ":" in self.address else self.address)
        self.url = f"{'https' if self.tls else 'http'}://{host}:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # What it has.

    def add_blob(self, content: bytes) -> str:
        digest = digest_of(content)
        self.blobs[digest] = content
        return digest

    def add_manifest(self, name: str, tag: str, content=None, media_type=IMAGE_TYPE) -> str:
        """An image of one small layer, unless its bytes are given."""
        if content is None:
            config, layer = self.add_blob(b"{}"), self.add_blob(b"layer")
            content = json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2}, "layers": [{
                    "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 5}]}).encode()
        digest = digest_of(content)
        self.manifests[name, digest] = self.manifests[name, tag] = media_type, content
        self.tags.setdefault(name, []).append(tag)
        return digest

    def fault(self, pattern: str, do, times=-1, method="GET|HEAD|POST"):
        """What matching requests get from now on, or so many times. The last one that fits is done."""
        self.faults.append(Fault(pattern, do, times, method))

    def mend(self):
        self.faults.clear()

    # Who asked.

    def asked(self, pattern: str, method="GET|HEAD|POST") -> list[Request]:
        return [request for request in list(self.requests)
                if re.search(pattern, request.path) and re.fullmatch(method, request.method)]

    def shown(self) -> str:
        """All that anybody has shown to it, passwords in clear."""
        return "\n".join(f"{request.path}\n{request.account}\n{request.headers}" for request in list(self.requests))

    # What it answers.

    def answer(self, handler: Handler):
        request = Request(handler.command, handler.path, handler.headers)
        with self.guard:
            self.requests.append(request)
            fault = next((fault for fault in reversed(self.faults) if fault.times != 0 and re.search(fault.pattern, request.path)
                          and re.fullmatch(fault.method, request.method)), None)
            if fault:
                fault.times -= 1
        if fault:
            fault.do(handler, self)
        else:
            self.serve(handler, request)

    def serve(self, handler: Handler, request: Request):
        path, _, query = request.path.partition("?")
        if path == "/token":
            self.give_token(handler, request, urllib.parse.parse_qs(query))
        elif not self.lets_in(handler, request, path):
            return
        elif match := re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", path):
            self.send_manifest(handler, *match.groups())
        elif match := re.fullmatch(r"/v2/(.+)/blobs/([^/]+)", path):
            self.send_blob(handler, match[2])
        elif match := re.fullmatch(r"/v2/(.+)/tags/list", path):
            tags = self.tags.get(match[1])
            handler.send(200 if tags else 404, {"Content-Type": "application/json"},
                         json.dumps({"name": match[1], "tags": tags}).encode())
        elif (match := re.fullmatch(r"/v2/(.+)/referrers/([^/]+)", path)) and match[2] in self.referrers:
            handler.send(200, {"Content-Type": INDEX_TYPE}, json.dumps(self.referrers[match[2]]).encode())
        else:
            handler.send(200 if path == "/v2/" else 404, {"Content-Type": "application/json"}, b"{}")

    def lets_in(self, handler: Handler, request: Request, path: str) -> bool:
        kind, value = request.account or (None, None)
        if self.wants is None:
            return True
        if self.wants == "basic":
            known = kind == "Basic" and value in {f"{user}:{password}" for user, password in self.accounts.items()}
            challenge = 'Basic realm="registry"'
        else:
            known = kind == "Bearer" and value in self.tokens
            name = re.match(r"/v2/(.+)/(?:manifests|blobs|tags|referrers)/", path)
            challenge = (f'Bearer realm="{self.realm or self.url + "/token"}",service="fake, \\"quoted\\"",'
                         f'scope="repository:{name[1] if name else ""}:pull"')
        if not known:
            handler.send(401, {"WWW-Authenticate": challenge, "Content-Type": "application/json"},
                         b'{"errors":[{"code":"UNAUTHORIZED"}]}')
        return known

    def give_token(self, handler: Handler, request: Request, query: dict):
        account = request.account[1] if request.account else None
        if self.accounts and account not in {f"{user}:{password}" for user, password in self.accounts.items()}:
            handler.send(401, {}, b"{}")
            return
        assert query["service"] == ['fake, "quoted"'], query
        with self.guard:
            token = f"token-{len(self.tokens)}-of-{self.port}"
            self.tokens.add(token)
        answer = {"token": token} if self.lifetime is None else {"token": token, "expires_in": self.lifetime}
        handler.send(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def send_manifest(self, handler: Handler, name: str, reference: str):
        media_type, content = self.manifests.get((name, reference), (None, None))
        if content is None:
            handler.send(404, {"Content-Type": "application/json"}, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        else:
            handler.send(200, {"Content-Type": media_type, "Docker-Content-Digest": digest_of(content)}, content)

    def send_blob(self, handler: Handler, digest: str):
        content = self.blobs.get(digest)
        if content is None:
            handler.send(404, {}, b"{}")
            return
        first, last = wanted_range(handler, len(content))
        if first is None:
            handler.send(200, {"Content-Type": "application/octet-stream"}, content)
        else:
            handler.send(206, {"Content-Range": f"bytes {first}-{last}/{len(content)}"}, content[first:last + 1])


def wanted_range(handler: Handler, size: int):
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
    return (int(match[1]), min(int(match[2] or size - 1), size - 1)) if match else (None, None)


def content_at(handler: Handler, upstream: Upstream):
    return upstream.blobs[handler.path.rpartition("/")[2]]


# Faults: each is made with what it takes, and done to one request.


def status(code, headers=(), body=b"{}"):
    return lambda handler, upstream: handler.send(code, headers, body)


def sometimes(fault, every=2):
    """The fault for the first of each so many requests, and what is right for the others."""
    count = iter(range(10 ** 6))

    def do(handler, upstream):
        if next(count) % every == 0:
            fault(handler, upstream)
        else:
            upstream.serve(handler, Request(handler.command, handler.path, handler.headers))
    return do


def redirect(to, code=307):
    """`to` may be made of the path that was asked for."""
    return lambda handler, upstream: handler.send(code, {"Location": to(handler.path) if callable(to) else to})


def circle(handler, upstream):
    handler.send(302, {"Location": handler.path})


def stall(after=0):
    """So many bytes of a blob, and then nothing."""
    def do(handler, upstream):
        content = content_at(handler, upstream)
        handler.send(200, {}, content[:after], length=len(content))
        handler.hold()
    return do


def mute(handler, upstream):
    """Not even a status."""
    handler.hold()


def drip(handler, upstream):
    """A byte a second."""
    content = content_at(handler, upstream) if "/blobs/" in handler.path else b"{" * 1000
    handler.send(200, {}, b"", length=len(content))
    handler.hang_up()
    with contextlib.suppress(OSError):
        for at in range(len(content)):
            handler.wfile.write(content[at:at + 1])
            if handler.wait(1):
                return


def drip_headers(handler, upstream):
    """A byte of a header each half second."""
    handler.hang_up()
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not handler.wait(0.5):
            handler.wfile.write(b"x")


def truncate(after, say_length=True):
    """So many bytes of what was asked for, and the connection ends; chunks end as if that were all."""
    def do(handler, upstream):
        content = content_at(handler, upstream)
        first, last = wanted_range(handler, len(content))
        headers = {} if first is None else {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        rest = content[first or 0:]
        if say_length:
            handler.send(200 if first is None else 206, headers, rest[:after], length=len(rest))
        else:
            headers["Transfer-Encoding"] = "chunked"
            part = rest[:after]
            handler.send(200 if first is None else 206, headers, b"%x\r\n%s\r\n0\r\n\r\n" % (len(part), part), length=False)
        handler.hang_up()
    return do


def send_more(say_length=True):
    """The blob and some bytes more."""
    def do(handler, upstream):
        content = content_at(handler, upstream) + b"and more"
        if say_length:
            handler.send(200, {}, content)
        else:
            handler.send(200, {"Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content), length=False)
    return do


def ignore_range(handler, upstream):
    handler.send(200, {}, content_at(handler, upstream))


def wrong_part(shift=0, say="bytes {first}-{last}/{size}", length=None):
    """206 for another part than was asked for, or one that says something else of itself."""
    def do(handler, upstream):
        content = content_at(handler, upstream)
        first, last = wanted_range(handler, len(content))
        if first is None:
            first, last = 0, len(content) - 1
        first, last = first + shift, last if length is None else first + length - 1
        said = {"Content-Range": say.format(first=first, last=last, size=len(content))} if say else {}
        handler.send(206, said, content[first:last + 1])
    return do


def wrong_content(handler, upstream):
    """Of the right length."""
    handler.send(200, {}, b"x" * len(content_at(handler, upstream)))


def zip_it(handler, upstream):
    """Compressed, whether anybody asked for that or not."""
    if "/blobs/" in handler.path:
        headers, content = {}, content_at(handler, upstream)
    else:
        name, reference = re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", handler.path).groups()
        media_type, content = upstream.manifests[name, reference]
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(content)}
    handler.send(200, {**headers, "Content-Encoding": "gzip"}, gzip.compress(content))


def endless_headers(handler, upstream):
    handler.hang_up()
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not upstream.closed.is_set():
            handler.wfile.write(b"X-More: " + b"m" * 1000 + b"\r\n")


def endless_body(handler, upstream):
    handler.hang_up()
    with contextlib.suppress(OSError):
        handler.send(200, {"Content-Type": IMAGE_TYPE, "Transfer-Encoding": "chunked"}, length=False)
        while not upstream.closed.is_set():
            handler.wfile.write(b"1000\r\n" + b"{" * 4096 + b"\r\n")


def reset(handler, upstream):
    """The connection is cut without a word."""
    handler.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.hang_up()
    handler.request.close()


def not_http(handler, upstream):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    handler.hang_up()


def reset_streams(connection):
    """HTTP/2 (RFC 9113), of which every stream is reset as soon as it is asked for something."""
    def read(size):
        data = b""
        while len(data) < size:
            more = connection.recv(size - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    with contextlib.suppress(OSError):
        read(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        connection.sendall(b"\0\0\0\4\0\0\0\0\0")  # SETTINGS
        while True:
            head = read(9)
            read(int.from_bytes(head[:3], "big"))
            if head[3] == 1:  # HEADERS
                connection.sendall(b"\0\0\4\3\0" + head[5:9] + b"\0\0\0\2")  # RST_STREAM, INTERNAL_ERROR
