# SPDX-License-Identifier: Apache-2.0
"""What a web server answered, by its access log in the common log format."""

import re
import time
import uuid
from dataclasses import dataclass

LINE = re.compile(r'"([A-Z]+) (\S+) HTTP/[0-9.]+" ([0-9]{3}) ([0-9]+|-)')


@dataclass(frozen=True)
class Answered:
    method: str
    target: str
    status: int
    size: int  # of the body


class Traffic:
    """The requests that a front answers while this, as a context manager, is open."""

    def __init__(self, front):
        self.front = front
        self.answered = []

    def __enter__(self):
        self.start = len(self._log_at_present())
        return self

    def __exit__(self, *_):
        for method, target, status, size in LINE.findall(self._log_at_present()[self.start :]):
            self.answered.append(Answered(method, target, int(status), 0 if size == "-" else int(size)))

    def _log_at_present(self, patience=20):
        """The log, when all that was answered until now is in it. Servers write it in order, but lighttpd waits some
        seconds, or until it has 8 KiB."""
        mark = f"/v2/?mark={uuid.uuid4().hex}"
        for target in (mark, *[f"/v2/?{'filling' * 500}"] * 3):
            self.front.request("GET", target)
        deadline = time.monotonic() + patience
        while mark not in (log := self.front.access_log.read_text()):
            assert time.monotonic() < deadline, "the access log lacks what was answered"
            time.sleep(0.05)
        return log

    def select(self, method, part, status=None):
        """The requests of a method whose target contains a part, answered with a status or any."""
        return [request for request in self.answered
                if request.method == method and part in request.target and status in (None, request.status)]

    def count(self, method, part, status=None):
        return len(self.select(method, part, status))
