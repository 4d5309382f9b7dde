# SPDX-License-Identifier: Apache-2.0
"""README and docs/ are typed in fresh machines; BERTH_RECIPES_BASE names a directory where what debootstrap made is kept."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.lib.paths import CHECKOUT
from tests.recipes.document import ELSEWHERE, NOT_TYPED, all_pages
from tests.recipes.machine import Machine, a_base


@pytest.fixture(scope="session")
def pages(request):
    pages = all_pages()
    yield pages
    if request.config.args == ["tests/recipes"] and not request.config.option.keyword:
        left = {(name, *block) for name, page in pages.items() if name not in ELSEWHERE for block in page.left}
        assert left == set(NOT_TYPED), "what a page newly says to type wants to be typed here"


@pytest.fixture(scope="session")
def place():
    """Neither on an overlay nor in memory, as both may be unfit for the layers of another overlay."""
    with tempfile.TemporaryDirectory(prefix="berth-recipes-", dir="/var/tmp") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def base(place):
    return a_base(place)


@pytest.fixture(scope="session")
def clone(place, base):
    """A layer with nothing but a clone of this checkout."""
    layer = place / "clone"
    (layer / "root").mkdir(mode=0o700, parents=True)
    subprocess.run(["git", "clone", "-q", CHECKOUT, layer / "root/berth"], check=True)
    return [layer, base]


@pytest.fixture(scope="session")
def installed(place, clone, pages):
    """The layers of a machine on which the steps of "Install" were done."""
    with Machine(place / "installed", clone) as machine:
        machine.type(pages["web-servers"].take("Install"))
        layers = [machine.changes, *clone]
    return layers


@pytest.fixture
def machine(place, installed, request):
    with Machine(place / request.node.name.translate(str.maketrans("[]", "__")), installed) as machine:
        yield machine
