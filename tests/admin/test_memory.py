# SPDX-License-Identifier: Apache-2.0
"""Issue 10, item 6: no command takes more than 64 MiB over what it takes idle, whatever is stored."""

import json

import pytest

from tests.conftest import running_front
from tests.lib import measure, oci
from tests.lib.paths import BUILD

MIB = 1 << 20
MOST = 64 + 10  # with what a command takes that has nothing to do
DEPTH = 2  # indexes in indexes, each with as many parts as fit
MANY, FEW = 150_000, 15_000  # long names of tags or repositories; of the few in a test, a tenth of that memory is let
MOST_FOR_ALL = 40  # of export, which keeps what it will write of all images
MOST_FOR_FEW = 64 * FEW // MANY + 14  # some more where lines are counted


def zeros(size):
    return oci.Content(b'{"x":[' + b"0," * ((size - 8) // 2) + b"0]}", oci.OCI_MANIFEST)


def dense(first, kind):
    """A manifest with nearly as many descriptors as are let in; `first` is one."""
    child = {"digest": first["digest"], "size": first["size"], "mediaType": "a/b"}
    number = 27_000
    assert number * len(json.dumps(child)) < 4 * MIB
    if kind == "index":
        return oci.index([first, *[child] * number])
    return oci.image(first, [child] * number)


def configured(root):
    (root / "berth.conf").write_text('durability = "none"\nretain "**" { newest = 1000000 }\n')
    return root


@pytest.fixture(scope="module")
def root():
    with running_front("cgi") as front:
        repo = oci.Repository(front, "large")
        repo.push_manifest(oci.index([repo.push_blob(zeros(size * MIB)).descriptor() for size in (3, 40)]), "cache")
        top = repo.push_manifest(dense(repo.push_blob(oci.blob(3)).descriptor(), "image"))
        for _ in range(DEPTH):
            top = repo.push_manifest(dense(top.descriptor(), "index"))
        repo.push_manifest(top, "nested")
        repo.push_blob(zeros(63 * MIB))
        yield configured(front.root)


@pytest.fixture(scope="module")
def with_larger(root):
    """The same, and a manifest that another limit let in: what would need it is an error."""
    with running_front("cgi") as front:
        repo = oci.Repository(front, "larger")
        repo.plant_manifest(oci.Content(zeros(63 * MIB).data, oci.OCI_MANIFEST), "v1")
        repo.push_image("v2")
        yield configured(front.root)


def keyed(number, **fields):
    """A manifest that is a third of what is let in, with so many keys that two of them are more than may be in memory."""
    return oci.image(fields.pop("config"), [], annotations={f"{number}{key:x}": "" for key in range(100_000)}, **fields)


@pytest.fixture(scope="module")
def referred():
    """An image with referrers whose descriptors, which have their annotations, are as large."""
    with running_front("cgi") as front:
        repo = oci.Repository(front, "referred")
        config = repo.push_blob(oci.blob(2)).descriptor()
        image = repo.push_manifest(keyed("", config=config), "v1")
        for number in range(4):
            repo.push_manifest(keyed(number, config=config, subject=image.descriptor(), artifactType="a/" + "b" * 300))
        yield configured(front.root)


def run(*command, status=0, most=MOST):
    ran = measure.run([BUILD / "berth", *command], status)
    assert ran.mebibytes < most
    return ran.output


@pytest.mark.parametrize("command", [
    "gc --grace 0s", "fsck", "cp large:nested copy:nested", "cp large:cache copy:cache", "du", "inspect large:nested",
    "tags large", "tags large --json", "ls", "ls --digests", "ls --json", "retain --dry-run", "retain -v --json", "expire", "inspect large:cache"])
def test_6_commands_stay_small(root, command):
    run(*command.split(), "--root", root, "--config", root / "berth.conf")


@pytest.mark.parametrize("options", [["--all"], ["large:nested", "--all"], ["large:cache", "--all"]], ids=" ".join)
def test_6_an_export_stays_small(root, options, tmp_path):
    run("export", *options, "--output", tmp_path / "out", "--root", root)


@pytest.mark.parametrize("command", ["inspect referred:v1", "inspect referred:v1 --json", "cp referred:v1 copy:v1", "gc", "fsck",
                                     "export --all --output {}/out"])
def test_6_large_referrers_are_looked_at_one_by_one(referred, command, tmp_path):
    said = run(*command.format(tmp_path).split(), "--root", referred, "--config", referred / "berth.conf")
    if "--json" in command:
        assert [len(referrer["annotations"]) for referrer in json.loads(said)["referrers"]] == [100_000] * 4
    elif "inspect" in command:
        assert said.count("a/" + "b" * 253 + "\n") == said.count("referrer") == 4  # the rest is left out


@pytest.mark.parametrize(("command", "status"), [
    ("gc --grace 0s", 74), ("fsck", 65), ("cp larger:v1 copy:v1", 65), ("retain", 74), ("inspect larger:v1", 65),
    ("export --all --output {}/out", 65), ("tag larger:v1 larger:v3", 65)])
def test_6_what_is_too_large_is_not_loaded(with_larger, command, status, tmp_path):
    said = run(*command.format(tmp_path).split(), "--root", with_larger, "--config", with_larger / "berth.conf", status=status)
    assert "manifest_limit" in said


@pytest.fixture(scope="module")
def many():
    """Commands for a store with many tags, and with many repositories, all with names as long as may be."""
    with running_front("cgi") as front:
        repo = oci.Repository(front, "many")
        digest = repo.push_image("v1").digest
        for number in range(FEW):
            plant(repo.directory / f"_manifests/tags/{number:0128}/current", digest)
            plant(repo.directory.parent / "a" / ("b" * 124) / f"{number:0127}/_manifests/revisions" / digest.replace(":", "/"),
                  digest)
        yield configured(front.root)


def plant(directory, digest):
    directory.mkdir(parents=True)
    (directory / "link").write_text(digest)


@pytest.mark.parametrize("command", [
    "ls", "ls --json", "ls --digests", "tags many", "tags many --json", "du", "du --json", "inspect many:v1", "expire", "gc",
    "cp many:v1 copy:v1", "retain --dry-run", "retain --dry-run --json", "retain -v", "fsck", "export --all --output {}/out"])
def test_9_many_long_names_take_little_memory(many, command, tmp_path):
    run(*command.format(tmp_path).split(), "--root", many, "--config", many / "berth.conf", status=65 * (command == "fsck"),
        most=MOST_FOR_ALL if command.startswith("export") else MOST_FOR_FEW)
