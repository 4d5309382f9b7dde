# SPDX-License-Identifier: Apache-2.0
"""The registry behind each way to run it: as plain CGI, and behind lighttpd, Apache and nginx."""

import contextlib
import http.client
import io
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote_to_bytes

from tests.lib.client import Body, Headers, Response, header_lines
from tests.lib.paths import BUILD, SANITIZING
from tests.lib.servers import ApacheFcgid, ApacheFcgidOnly, ApacheProxy, Lighttpd, LighttpdSocket, Nginx

# Tests do not cut the power; those of durability say "full".
DEFAULTS = {"BERTH_DURABILITY": "none"}


class Cgi:
    """No server: each request is a process that is given what a web server would give it."""

    name = "cgi"

    def __init__(self, home: Path, *, root: Path | None = None, env: Mapping[str, str] = {}):
        self.root = root or home / "store"
        self.env = {**DEFAULTS, **SANITIZING, "BERTH_ROOT": str(self.root), "BERTH_METRICS_DIR": str(home / "metrics"), **env}

    def start(self):
        self.root.mkdir(exist_ok=True)
        return self

    def stop(self):
        """Nothing runs between requests."""

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def request(self, method: str, target: str, headers: Headers = None, body: Body = None,
                variables: Mapping[str, str] = {}) -> Response:
        """`variables` are further ones of the server, such as REMOTE_USER."""
        if "%00" in target.partition("?")[0]:  # which no variable can hold, so every server refuses it
            return Response(400, "Bad Request", http.client.HTTPMessage(), b"")
        with self.spawn(method, target, headers, body, variables) as process:
            with contextlib.suppress(BrokenPipeError):
                for piece in [body] if isinstance(body, bytes) else body or ():
                    process.stdin.write(piece)
                    process.stdin.flush()
            output, log = process.communicate(timeout=60)
        assert process.returncode == 0, log.decode()
        return self.response(method, output)

    def spawn(self, method: str, target: str, headers: Headers = None, body: Body = None,
              variables: Mapping[str, str] = {}, **options) -> subprocess.Popen:
        """The process of a request, which now waits for the body at its standard input. `options` are Popen's."""
        environment = self.environment(method, target, headers, body, variables)
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen([BUILD / "berth.fcgi"], env=environment, **{**pipes, **options})

    def environment(self, method: str, target: str, headers: Headers = None, body: Body = None,
                    variables: Mapping[str, str] = {}) -> dict[str, str]:
        """What the process is given."""
        path, _, query = target.partition("?")
        path = unquote_to_bytes(path)
        script = b"/v2" if (path + b"/").startswith(b"/v2/") else b""
        return {**self.env, "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1",
                "REQUEST_METHOD": method, "SCRIPT_NAME": script, "PATH_INFO": path.removeprefix(script),
                "QUERY_STRING": query, **self._header_variables(headers, body), **variables}

    @staticmethod
    def _header_variables(headers: Headers, body: Body) -> dict[str, str]:
        variables = {}
        for name, value in header_lines(headers):
            variable = name.upper().replace("-", "_")
            if variable not in ("CONTENT_LENGTH", "CONTENT_TYPE"):
                variable = "HTTP_" + variable
            variables[variable] = f"{variables[variable]}, {value}" if variable in variables else value
        if isinstance(body, bytes):
            variables.setdefault("CONTENT_LENGTH", str(len(body)))
        elif body is not None:
            variables["HTTP_TRANSFER_ENCODING"] = "chunked"
        return variables

    @staticmethod
    def response(method: str, output: bytes) -> Response:
        """What the process has printed."""
        stream = io.BytesIO(output)
        headers = http.client.parse_headers(stream)
        code, _, reason = headers["Status"].partition(" ")
        body = stream.read()
        assert method != "HEAD" or not body, body
        return Response(int(code), reason, headers, body)


FRONTS = {front.name: front for front in (Cgi, Lighttpd, LighttpdSocket, ApacheFcgid, ApacheFcgidOnly, ApacheProxy, Nginx)}


def make(name: str, home: Path, **options):
    """A front that is not started yet; all that it needs and leaves is below `home`."""
    return FRONTS[name](home, **options)
