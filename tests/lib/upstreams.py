# SPDX-License-Identifier: Apache-2.0
"""A registry that others cache, in this process: it counts what it is asked, and a test says when it stops in the middle."""

import http.server
import json
import threading
from contextlib import contextmanager

from tests.lib import oci

PIECE = 65536


class Upstream:
    """Serves what is in `manifests` (by (name, reference)), `blobs` (by digest: all names have them) and `tags`."""

    def __init__(self):
        self.manifests, self.blobs, self.tags = {}, {}, {}
        self.referrers: dict[str, list[dict]] = {}  # descriptors by the digest of their subject
        self.asked: list[tuple[str, str]] = []  # (method, path) but for pings
        self.sent = 0  # bytes of blobs
        self.status = None  # of every answer; None: as it should be
        self.headers = {}  # of those
        self.stop_at = None  # after so many bytes of a blob it waits for `gate`
        self.gate = threading.Event()
        self.cut = False  # then it breaks off instead
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                upstream._answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                """Nobody reads it."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that leaves
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        """From now on nobody listens there."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, *contents):
        for content in contents:
            self.blobs[content.digest] = content.data
        return self

    def add_manifest(self, name, content, *tags):
        for reference in (content.digest, *tags):
            self.manifests[name, reference] = content
        return content

    def count(self, method, part):
        """How often it was asked for something whose path holds this."""
        return sum(asked == method and part in path for asked, path in self.asked)

    def _answer(self, handler):
        path = handler.path.partition("?")[0]
        if path == "/v2/":
            return self._send(handler, 200, b"{}")
        self.asked.append((handler.command, path))
        if self.status:
            return self._send(handler, self.status, b"{}", self.headers)
        name, _, reference = path.removeprefix("/v2/").partition("/manifests/")
        if content := self.manifests.get((name, reference)):
            return self._send(handler, 200, content.data, {"Content-Type": content.media_type,
                                                           "Docker-Content-Digest": content.digest})
        if path.endswith("/tags/list") and (tags := self.tags.get(path.removeprefix("/v2/").removesuffix("/tags/list"))):
            return self._send(handler, 200, json.dumps({"name": "x", "tags": tags}).encode(), {"Content-Type": "application/json"})
        if "/referrers/" in path:
            index = {"schemaVersion": 2, "mediaType": oci.OCI_INDEX, "manifests": self.referrers.get(path.rpartition("/")[2], [])}
            return self._send(handler, 200, json.dumps(index).encode(), {"Content-Type": oci.OCI_INDEX})
        if data := self.blobs.get(path.partition("/blobs/")[2]):
            return self._send_blob(handler, data)
        return self._send(handler, 404, b"{}")

    @staticmethod
    def _send(handler, status, body, headers=()):
        handler.send_response(status)
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body)
        return None

    def _send_blob(self, handler, data):
        first = 0
        if asked := handler.headers.get("Range"):
            first = int(asked.removeprefix("bytes=").partition("-")[0])
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(data) - first))
        handler.end_headers()
        if handler.command == "GET":
            self._send_bytes(handler, data, first)

    def _send_bytes(self, handler, data, first):
        stop = len(data) if self.stop_at is None else max(first, self.stop_at)
        for begin, end in ((first, stop), (stop, len(data))):
            if begin == stop < len(data):
                self.gate.wait()
                if self.cut:
                    handler.close_connection = True
                    return
            for at in range(begin, end, PIECE):
                handler.wfile.write(data[at:min(at + PIECE, end)])
                self.sent += min(PIECE, end - at)


@contextmanager
def running():
    upstream = Upstream()
    try:
        yield upstream
    finally:
        upstream.stop()


def configuration(path, *upstreams, **settings):
    """A berth.conf that caches (title, url, further lines)."""
    lines = [f'{key} = "{value}"\n' for key, value in {"durability": "none", **settings}.items()]
    for title, url, *keys in upstreams:
        lines.append(f'upstream "{title}" {{\n    url = {{"{url}"}}\n' + "".join(f"    {key}\n" for key in keys) + "}\n")
    path.write_text("".join(lines))
    path.chmod(0o644)
    return path
