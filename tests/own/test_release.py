# SPDX-License-Identifier: Apache-2.0
"""What tests/run says of a release that lacks a file, or has one too many."""

import tarfile

import pytest

from tests.lib import release

SOURCE = ("README.md", "src/base/buf.c", "tests/unit/base/test_buf.c", "etc/berth.conf.in")
MADE = ("configure", "Makefile.in", "build-aux/install-sh")


@pytest.fixture
def checkout(tmp_path):
    for name in (*SOURCE, "tests/lib/__pycache__/paths.pyc"):
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "checkout"


@pytest.mark.parametrize("names, expected", [
    ((*SOURCE, *MADE), []),
    ((*MADE, "README.md", "src/base/buf.c", "etc/berth.conf.in"), ["tests/unit/base/test_buf.c is not released"]),
    ((*SOURCE, *MADE, "tests/fuzz/.deps/json.Po"), ["tests/fuzz/.deps/json.Po is released, and is not of the source"]),
    ((*SOURCE, *MADE, "var/registry/blob"), ["var/registry/blob is released, and is not of the source"]),
])
def test_a_release_is_compared_with_the_checkout(checkout, tmp_path, names, expected):
    with tarfile.open(tmp_path / "berth-1.tar.xz", "w:xz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(f"berth-1/{name}"))
    assert release.complaints(tmp_path / "berth-1.tar.xz", checkout) == expected
