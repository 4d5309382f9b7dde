# SPDX-License-Identifier: Apache-2.0
"""The version stands in several places."""

import re

from tests.lib.paths import CHECKOUT


def test_the_debian_packages_have_the_version_of_the_program():
    """Else `apt upgrade` would hold a new berth for the one that is there."""
    program = re.search(r"^AC_INIT\(\[berth\], \[(.+?)\]", (CHECKOUT / "configure.ac").read_text(), re.MULTILINE)[1]
    package = re.match(r"berth \((.+?)\) ", (CHECKOUT / "debian/changelog").read_text())[1]
    assert package == program
