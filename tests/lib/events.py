# SPDX-License-Identifier: Apache-2.0
"""What happened, by the lines of the log that berth writes with log_level = debug."""

import json
import re
import time

from tests.lib import oci

LINE = re.compile(r"berth\[[0-9]+\]: debug: event (\{.*\})(?: \(request \S+\))?$", re.MULTILINE)


def told_in(log: str) -> list[dict]:
    """All that was told, in its order."""
    return [json.loads(line) for line in LINE.findall(log)]


class Ears:
    """The events of a front that has a log, as far as they were not taken yet."""

    def __init__(self, front, repo: oci.Repository):
        """The repository is one of which nobody else wants to hear."""
        self.front, self.repo, self.taken = front, repo, 0

    def take(self, patience=20) -> list[dict]:
        """What was told since the last time. To know that it is all, something else is done that is told too."""
        mark = self.repo.push_blob(oci.blob(40)).digest
        deadline = time.monotonic() + patience
        while mark not in (digests := [event.get("digest") for event in told_in(self.front.logs())]):
            assert time.monotonic() < deadline, "the log lacks what was told"
            time.sleep(0.02)
        fresh = told_in(self.front.logs())[self.taken:]
        self.taken = len(digests)
        assert fresh[-1]["digest"] == mark
        return fresh[:-1]


def brief(events: list[dict]) -> list[tuple]:
    """What, and of which tag or digest, in which repository; the rest is left out."""
    return [(event["event"], event["repository"], event.get("tag", event.get("digest"))) for event in events]
