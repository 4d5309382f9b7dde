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


def test_24b_configures_again_when_cmocka_has_come(checkout):
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


def test_a_kubectl_from_elsewhere_is_taken(checkout):
    """Debian's package has the same file, and could not be installed."""
    (checkout.home / "tests").mkdir()
    checkout.script("tests/run", "")
    checkout.script("bin/kubectl", "#!/bin/sh\n")
    checkout.script("bin/dpkg-query", '#!/bin/sh\n[ "$4" = kubernetes-client ] || echo install ok installed\n')
    assert checkout.run("test") == []


def test_24b_the_tests_do_not_use_the_tree_of_the_first_command(checkout):
    """`./quickstart`, then `./quickstart test`, as README has them."""
    (checkout.home / "tests").mkdir()
    shutil.copy(CHECKOUT / "tests/run", checkout.home / "tests")
    for name in ("tests/__init__.py", *(f"tests/lib/{part}.py" for part in ("__init__", "coverage", "leftovers", "release"))):
        (checkout.home / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, checkout.home / name)
    checkout.run("build")
    (checkout.home / "cmocka").touch()
    with pytest.raises(subprocess.CalledProcessError):  # there is nothing to run
        checkout.run("test", "unit")
    assert (checkout.home / "called").read_text().splitlines()[:2] == ["configure build-coverage -q --enable-coverage",
                                                                       "make build-coverage"]


def plant_berth(checkout):
    """What it calls says where it stands, and with what."""
    checkout.run("build")
    checkout.script("build/berth", '#!/bin/sh\nif [ "$2" = --help ]; then echo "options of serve"; else pwd; echo "$*"; fi\n')


def stand_in(directory, checkout, *args):
    done = subprocess.run([checkout.home / "quickstart", *args], check=True, cwd=directory, capture_output=True, text=True,
                          env={"PATH": f"{checkout.home}/bin:{os.environ['PATH']}"})
    return done.stdout.splitlines()


def test_31_paths_begin_where_one_stands(checkout):
    plant_berth(checkout)
    elsewhere = checkout.home / "elsewhere"
    elsewhere.mkdir()
    assert stand_in(elsewhere, checkout, "--root", "images") == [str(elsewhere), "serve --root images"]
    assert stand_in(elsewhere, checkout) == [str(elsewhere), f"serve --root {checkout.home}/var/registry"]


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_31_help_is_of_quickstart_itself(checkout, word):
    """Without building anything; of what is built, the options as well."""
    said = "\n".join(stand_in(checkout.home, checkout, word))
    for command in (" build ", " test ", " help", "berth serve"):
        assert command in said
    assert "options of serve" not in said and not (checkout.home / "build").exists()
    plant_berth(checkout)
    assert stand_in(checkout.home, checkout, word)[-1] == "options of serve"
