# SPDX-License-Identifier: Apache-2.0
"""Of which processors an image can be made."""

from failure import Failure, run

# As Debian and OCI name it, and as compilers do.
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}


class Architecture:
    def __init__(self, name):
        self.name, self.triplet = name, TRIPLETS[name]
        self.is_native = name == native()


def native():
    name = run("dpkg", "--print-architecture", what="asking for the architecture").strip()
    if name not in TRIPLETS:
        raise Failure(f"this is {name}: an image is made for {' or '.join(TRIPLETS)}, say which with --architecture")
    return name
