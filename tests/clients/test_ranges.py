# SPDX-License-Identifier: Apache-2.0
"""Many ranges in one request, as podman asks for the files of a zstd:chunked layer that it lacks, and containerd's
stargz snapshotter for those of an eStargz layer that a program opens. They lie side by side, and podman takes each part
of the answer for the range that it asked for at that place. Where a server joins neighbours, or leaves some out as
lighttpd does from the eleventh on, podman gives up and pulls everything, or crashes."""

import pytest

from tests.lib import byteranges, oci

SIZE = 1_000_000


def neighbours(number):
    step = SIZE // number
    return [(part * step, part * step + step - 1) for part in range(number)]


def pull_ranges(registry, ranges):
    """The layer that was pushed, and the answer to a request for ranges of it."""
    repository = oci.Repository(registry)
    layer = repository.push_blob(oci.blob(SIZE, oci.OCI_LAYER))
    header = "bytes=" + ",".join(f"{first}-{last}" for first, last in ranges)
    return layer, repository.get(f"blobs/{layer.digest}", {"Range": header, "Accept-Encoding": "identity"})


def check_parts(answer, layer, ranges):
    received = list(byteranges.parts(answer))
    assert [(first, last) for first, last, _, _ in received] == ranges
    for first, last, size, data in received:
        assert size == SIZE
        assert data == layer.data[first : last + 1]


@pytest.mark.parametrize("number", [2, 12, 100])
def test_every_range_is_answered(registry, number):
    ranges = neighbours(number)
    layer, answer = pull_ranges(registry, ranges)
    oci.expect(answer, 206)
    check_parts(answer, layer, ranges)


def test_too_many_ranges_get_all_or_the_whole(registry):
    ranges = neighbours(1000)
    layer, answer = pull_ranges(registry, ranges)
    if oci.expect(answer, 200, 206).status == 206:
        check_parts(answer, layer, ranges)
    else:
        assert answer.body == layer.data
