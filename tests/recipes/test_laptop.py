# SPDX-License-Identifier: Apache-2.0
"""README, and docs/laptop.md: two commands, first steps."""

import pytest

from tests.recipes import judge
from tests.recipes.hands import DOCKER, SERVING, archive, lines
from tests.recipes.machine import GUEST, Machine


@pytest.fixture(scope="module")
def laptop(place, clone):
    """A machine with a clone, and with docker, for which another registry has the images that it would get elsewhere."""
    with Machine(place / "laptop", clone) as machine:
        machine.write("etc/docker/daemon.json", DOCKER)
        machine.run("apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io")
        yield machine


def test_two_commands(laptop, pages):
    start, test = lines(pages["README"].take("Two commands"))
    assert test == "./quickstart test"
    with laptop.beside(start, until=SERVING):
        judge.serves(laptop, SERVING)
    assert lines(pages["laptop"].take("berth on a laptop")) == [start]
    with laptop.beside(pages["laptop"].take("berth on a laptop", 1), until="http://127.0.0.1:5001"):
        judge.serves(laptop, "http://127.0.0.1:5001")
    assert laptop.run("ls ~/registry/docker/registry/v2/repositories") == "team\n"


@pytest.fixture
def elsewhere(laptop):
    """A registry with library/nginx, as far as the machine knows the only one."""
    laptop.run("test -x build/berth || ./quickstart build", where="/root/berth")
    archive(laptop, "nginx.tar", "library/nginx:latest")
    laptop.run("/root/berth/build/berth import /root/nginx.tar --root /root/elsewhere")
    with laptop.beside("build/berth serve --listen 127.0.0.1:5555 --root /root/elsewhere", until="127.0.0.1:5555"):
        yield


def test_first_steps(laptop, pages, elsewhere):
    with laptop.beside("./quickstart", until=SERVING):
        seen = laptop.type(pages["README"].take("First steps"))
        assert '{"repositories":["k8s.nginx"' in seen.replace(" ", "")
        seen = laptop.type(pages["README"].take("First steps", 1))
        assert "latest" in seen and "k8s.nginx" in seen and "usage: berth" in seen
        seen = laptop.type(pages["laptop"].take("Push and pull"))
        assert '{"repositories":["k8s.nginx"' in seen.replace(" ", "")
        seen = laptop.type(pages["laptop"].take("Look at it, and change it"))
        assert "k8s.nginx" in seen
        assert judge.status(laptop, f"{SERVING}/v2/prod/nginx/tags/list") == 404
    user, serve = lines(pages["laptop"].take("For other machines"))
    laptop.type(user, answers=[("assword", "secret"), ("gain", "secret")])
    with laptop.beside(serve, until="0.0.0.0:5000"):
        assert judge.status(laptop, f"https://{GUEST}:5000/v2/", "-k") == 401
        judge.serves(laptop, f"https://{GUEST}:5000", "-k -u alice:secret")
