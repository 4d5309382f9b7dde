# SPDX-License-Identifier: Apache-2.0
"""What the programs of the build are linked with."""

import re
import subprocess

from tests.lib.paths import BUILD

# Each worker of a web server would have them in its memory.
FOR_COMMANDS = {"libarchive", "libzstd", "libz", "libisal", "libcurl", "libssl", "libyaml"}


def libraries(program) -> set[str]:
    """With those that they need themselves."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^\s*(lib[\w-]+?)[-.\d]*\.so", listed, re.MULTILINE))


def test_workers_do_without_what_only_commands_need():
    assert {"libfcgi", "libjson-c", "libcrypto"} <= libraries(BUILD / "berth.fcgi")
    assert not libraries(BUILD / "berth.fcgi") & FOR_COMMANDS
    assert {"libarchive", "libzstd", "libssl", "libyaml"} <= libraries(BUILD / "berth")  # it would be seen
