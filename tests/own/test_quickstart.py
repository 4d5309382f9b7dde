# SPDX-License-Identifier: Apache-2.0
"""quickstart: how it configures, once or again. Nothing is built: what it calls is made up here."""

import os
import shutil
import subprocess

import pytest

from tests.lib.paths import CHECKOUT

CONFIGURE = """#!/bin/sh
echo "configure $(basename "$PWD") $*" >> ../called
[ -e ../cmocka ] && without= || without='#'
printf 'all:\\n\\t@echo make %s >> ../called\\nclean:\\n\\t@echo clean >> ../called\\n' "$(basename "$PWD")" > Makefile
options=
for option; do [ "$option" = -q ] || options="$options${options:+ }$option"; done
cat > config.status <<END
#!/bin/sh
# S["HAVE_CMOCKA_TRUE"]="$without"
case \\$1 in
--config) echo "$options" ;;
--recheck) exec ../configure $options ;;
esac
END
chmod +x config.status
"""
PROGRAMS = {
    "dpkg-query": "echo install ok installed",
    "apt-get": "echo apt-get >> called",
    "pkg-config": "[ -e cmocka ]",
}


class Checkout:
    def __init__(self, home):
        self.home = home
        (home / "bin").mkdir()
        shutil.copy(CHECKOUT / "quickstart", home)
        for name in ("configure.ac", "Makefile.am", "Makefile.in"):
            (home / name).write_text("")
        self.script("configure", CONFIGURE)
        for name, text in PROGRAMS.items():
            self.script(f"bin/{name}", f"#!/bin/sh\n{text}\n")
        os.utime(home / "configure.ac", (0, 0))

    def script(self, name, text):
        (self.home / name).write_text(text)
        (self.home / name).chmod(0o755)

    def run(self, *args):
        """What it called."""
        called = self.home / "called"
        called.write_text("")
        subprocess.run([self.home / "quickstart", *args], check=True, env={"PATH": f"{self.home}/bin:{os.environ['PATH']}"})
        return called.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_configures_once(checkout):
    assert checkout.run("build") == ["configure build -q", "make build"]
    assert checkout.run("build") == ["make build"]
    os.utime(checkout.home / "configure", (2 ** 32, 2 ** 32))
    assert checkout.run("build") == ["configure build -q", "make build"]


def test_configures_again_when_cmocka_has_come(checkout):
    """Otherwise the tree has no unit tests for ever."""
    checkout.run("build")
    (checkout.home / "cmocka").touch()
    assert checkout.run("build") == ["configure build ", "make build"]
    assert checkout.run("build") == ["make build"]


def test_keeps_what_was_configured_by_hand(checkout):
    (checkout.home / "build").mkdir()
    subprocess.run(["../configure", "--enable-werror"], cwd=checkout.home / "build", check=True)
    assert checkout.run("build") == ["make build"]
    (checkout.home / "cmocka").touch()
    assert checkout.run("build") == ["configure build --enable-werror", "make build"]


def test_trees_with_options(checkout):
    assert checkout.run("build", "build-test", "--enable-werror") == ["configure build-test -q --enable-werror",
                                                                      "make build-test"]
    assert checkout.run("build", "build-test", "--enable-werror") == ["make build-test"]
    assert checkout.run("build", "build-test", "--enable-werror", "--with-sanitizers=address") == [
        "configure build-test -q --enable-werror --with-sanitizers=address", "clean", "make build-test"]


def test_the_tests_do_not_use_the_tree_of_the_first_command(checkout):
    """`./quickstart`, then `./quickstart test`, as README has them."""
    (checkout.home / "tests").mkdir()
    shutil.copy(CHECKOUT / "tests/run", checkout.home / "tests")
    for name in ("tests/__init__.py", "tests/lib/__init__.py", "tests/lib/leftovers.py"):
        (checkout.home / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, checkout.home / name)
    checkout.run("build")
    (checkout.home / "cmocka").touch()
    with pytest.raises(subprocess.CalledProcessError):  # there is nothing to run
        checkout.run("test", "unit")
    assert (checkout.home / "called").read_text().splitlines()[:2] == ["configure build-test -q --enable-werror",
                                                                       "make build-test"]
