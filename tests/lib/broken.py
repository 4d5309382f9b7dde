# SPDX-License-Identifier: Apache-2.0
"""What is to be seen after a client broke off."""

from tests.lib.oci import expect


def expect_offset(front, location: str, before: int, sent: int, announced: bool) -> int:
    """Where a session goes on of which a request was cut short: where it was. Only a CGI whose client announced no length
    cannot tell the end of a body from its being cut, and may keep what arrived; the digest will tell."""
    last = expect(front.request("GET", location), 204).headers["Range"].removeprefix("0-")
    offset = int(last) + 1
    if front.name == "apache-fcgid" and not announced:
        assert before <= offset <= before + sent
    else:
        assert offset == before
    return offset
