# SPDX-License-Identifier: Apache-2.0
"""The parts of an answer to several ranges (RFC 9110 section 14.6)."""

import re


def parts(answer):
    """(first, last, size of the whole, bytes) of each part of a multipart/byteranges answer."""
    assert answer.headers.get_content_type() == "multipart/byteranges"
    delimiter = b"\r\n--" + answer.headers.get_param("boundary").encode()
    preamble, *sections, end = (b"\r\n" + answer.body).split(delimiter)
    assert end.strip() == b"--"
    for section in sections:
        head, _, data = section.partition(b"\r\n\r\n")
        content_range = re.search(rb"(?i)^Content-Range: *bytes (\d+)-(\d+)/(\d+)\r?$", head, re.MULTILINE)
        yield *map(int, content_range.groups()), data
