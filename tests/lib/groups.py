# SPDX-License-Identifier: Apache-2.0
"""Which tests stay together where processes share a run: pytest-xdist's groups."""

from pathlib import Path

import pytest


def keep_together(items: list[pytest.Item], directory: Path):
    """All tests of a directory, as they use what is started once."""
    for item in items:
        if directory in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(directory.name))
