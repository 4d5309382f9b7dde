# SPDX-License-Identifier: Apache-2.0
"""The longest names of a repository and of a tag, and the longest digest, stand whole in every message in which they
are: of each command that takes one, and of each request."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.paths import BUILD

NO_SUCH, USAGE, CONFIG, DENIED = 66, 64, 78, 77

TAG = "t" * 128
DIGEST = "sha512:" + "d" * 128
BLOB = oci.blob(3, algorithm="sha512")


def expect_whole(text: str, *names: str):
    """These names are in it, and nothing like them is there in part."""
    for name in names:
        assert name in text, (name, text)
    assert "..." not in text
    for letter, length in (("n", 255), ("x", 255), ("t", 128), ("d", 128)):
        assert {len(run) for run in re.findall(letter + "{9,}", text)} <= {length}, (letter, text)


@pytest.fixture
def repo(front):
    """It has a tag of the longest name."""
    repo = oci.Repository(front, "n" * 255)
    repo.push_image(TAG)
    return repo


def test_commands_that_find_nothing(berth, repo, tmp_path):
    missing = "x" * 255
    archive = tmp_path / "out.tar"
    conf = tmp_path / "berth.conf"
    conf.write_text('retain "**" { newest = 1 }\n')
    for args in (["tags", missing], ["rm", "-r", missing], ["rm", "-r", "--dry-run", missing],
                 ["retain", "--config", conf, missing]):
        expect_whole(berth(*args, status=NO_SUCH), missing)
    for reference in (f":{TAG}", f"@{DIGEST}"):
        for name in (missing, repo.name):
            said = (name, reference[1:])
            for args in (["inspect", name + reference], ["rm", name + reference], ["rm", "-n", name + reference],
                         ["tag", name + reference, "other"], ["cp", name + reference, "a"],
                         ["export", "-o", archive, name + reference]):
                if name == repo.name and reference == f":{TAG}":
                    continue
                expect_whole(berth(*args, status=NO_SUCH), *said)


def test_commands_that_are_told_nonsense(berth, repo):
    """What is wrong is behind the name."""
    for args, said in ((["rm", "-r", f"{repo.name}:{TAG}"], f"{repo.name}:{TAG}"), (["inspect", f"{repo.name}:{TAG}!"], f"{TAG}!"),
                       (["rm", f"{repo.name}@{DIGEST}!"], f"{DIGEST}!"), (["tag", f"{repo.name}:{TAG}", f"{TAG}!"], f"{TAG}!"), (["export", f"{repo.name}:{TAG}!"], f"{TAG}!")):
        expect_whole(run_whatever(berth, args), said)


def test_commands_that_find_damage(berth, repo, tmp_path):
    """What other programs left, or a disk lost."""
    said = []
    for number in range(2):
        repo.push_image(f"v{number}", "sha512")
    lost = repo.push_image(TAG)
    blobs = Path(repo.front.root) / "docker/registry/v2/blobs/sha256"
    layer = lost.document["layers"][0]["digest"].removeprefix("sha256:")
    (blobs / layer[:2] / layer / "data").unlink()
    for args in (["cp", f"{repo.name}:{TAG}", "other"], ["export", "-o", tmp_path / "a.tar", repo.name], ["fsck"]):
        said.append(run_whatever(berth, args))
    digest = lost.digest.removeprefix("sha256:")
    (blobs / digest[:2] / digest / "data").unlink()
    for args in (["tags", repo.name], ["inspect", f"{repo.name}:{TAG}"], ["gc"], ["gc", "--dry-run"], ["fsck"],
                 ["fsck", "--json"], ["cp", f"{repo.name}:{TAG}", "other"], ["export", "-o", tmp_path / "b.tar", repo.name],
                 ["export", "-o", tmp_path / "c.tar", f"{repo.name}:{TAG}"]):
        said.append(run_whatever(berth, args))
    for text in said:
        expect_whole(text)
    assert sum(repo.name in text for text in said) >= 9, said


def run_whatever(berth, args) -> str:
    """What it says, however it ends: that is not the point here."""
    done = subprocess.run([BUILD / "berth", *args, "--root", berth.root], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_commands_with_rules(machine):
    name = "n" * 255
    machine.configure('repository "**" { pull = {"alice"} }')
    expect_whole(machine.run("access", "bob", name, "pull", status=DENIED).stderr, name)
    machine.configure(f'repository "{name}" {{ pull = {{"@none"}} }}')
    expect_whole(machine.run("config", "check", status=CONFIG).stdout, name)
    machine.configure(f'retain "{name}" {{ tags = {{"{TAG}!"}} }}', f'repository "{name}" {{ immutable = {{"{TAG}!"}} }}')
    text = machine.run("config", "check", status=CONFIG).stdout
    assert text.count(name) == text.count(TAG + "!") == 2
    machine.configure(f'repository "{name}" {{ }}', f'repository "{name}" {{ }}')
    expect_whole(machine.run("config", "check", status=CONFIG).stdout, name)


def messages(response) -> str:
    return "\n".join(error["message"] for error in response.json()["errors"])


def requests(name):
    """Each endpoint that refuses something of a repository that has nothing of this."""
    upload = f"/v2/{name}/blobs/uploads/00000000-0000-4000-8000-000000000000"
    manifest = oci.image(BLOB.descriptor(), [BLOB.descriptor()])
    typed = {"Content-Type": manifest.media_type}
    yield "GET", f"/v2/{name}/tags/list", {}, None, (name,)
    for method in ("GET", "DELETE"):
        yield method, f"/v2/{name}/manifests/{TAG}", {}, None, (name, TAG)
        yield method, f"/v2/{name}/manifests/{DIGEST}", {}, None, (name, DIGEST)
        yield method, f"/v2/{name}/blobs/{DIGEST}", {}, None, (name, DIGEST)
    yield "PUT", f"/v2/{name}/manifests/{TAG}", typed, manifest.data, (BLOB.digest,)
    for method, target in (("GET", upload), ("PATCH", upload), ("PUT", f"{upload}?digest={DIGEST}"), ("DELETE", upload),
                           ("PUT", f"/v2/{name}/manifests/{TAG}t"), ("PUT", f"/v2/{name}/manifests/{DIGEST}"),
                           ("GET", f"/v2/{name}/referrers/{DIGEST}d"), ("GET", f"/v2/{name}/tags/list?n=x"),
                           ("POST", f"/v2/{name}/blobs/uploads/?digest={DIGEST}d"),
                           ("POST", f"/v2/{name}/tags/list"), ("GET", f"/v2/{name}/nothing")):
        yield method, target, typed, b"x" if method in ("PUT", "PATCH", "POST") else None, ()


def test_requests(repo):
    """Of a repository that is not there, and of one that has another image."""
    for name in ("x" * 255, repo.name):
        for method, target, headers, body, said in requests(name):
            if name == repo.name and (target.endswith("/tags/list") or (TAG in target and method != "PUT")):
                continue
            response = repo.front.request(method, target, headers, body)
            assert 400 <= response.status < 500, (method, target, response)
            assert "..." not in messages(response)
            for text in said:
                assert text in messages(response), (method, target, response.body)


@pytest.mark.parametrize("rule", ['readonly = true', 'repository "**" { pull = {"*"} readonly = true push = {"*"} delete = {"*"} }',
                                  'repository "**" { pull = {"*"} }',
                                  f'repository "**" {{ pull = {{"*"}} push = {{"*"}} delete = {{"*"}} immutable = {{"{TAG}"}} }}'])
def test_requests_that_rules_refuse(tmp_path, rule):
    conf = tmp_path / "berth.conf"
    conf.write_text("")
    with running_front("cgi", env={"BERTH_CONF": str(conf)}) as front:
        repo = oci.Repository(front, "n" * 255)
        image = repo.push_image(TAG)
        other = repo.push_image()
        conf.write_text(rule + "\n")
        refused = [front.request(method, f"/v2/{repo.name}/{path}", {"Content-Type": other.media_type}, body,
                                 variables={"REMOTE_USER": "bob"})
                   for method, path, body in (("PUT", f"manifests/{TAG}", other.data), ("DELETE", f"manifests/{TAG}", None),
                                              ("DELETE", f"manifests/{image.digest}", None), ("POST", "blobs/uploads/", b""),
                                              ("DELETE", f"blobs/{DIGEST}", None))]
    if "immutable" in rule:
        del refused[3:]
    for response in refused:
        assert 400 <= response.status < 500, response
        expect_whole(messages(response), TAG if "immutable" in rule else repo.name)
