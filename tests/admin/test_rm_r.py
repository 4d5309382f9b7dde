# SPDX-License-Identifier: Apache-2.0
"""`berth rm -r`: a whole repository, while others push to it, and killed at any moment."""

import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib import oci, stores
from tests.lib.oci import expect, expect_error
from tests.lib.paths import BUILD

NO_SUCH = 66  # EX_NOINPUT
USAGE = 64

COMES_BACK = "berth: the space comes back by `berth gc`, once it is older than the grace (24 hours)\n"


def litter(front):
    return list((front.root / "docker/registry/v2/_berth/tmp").iterdir())


def fill(repo):
    """An image with two tags and a signature, an index over it, and an upload."""
    image = repo.push_image("v1")
    repo.put_manifest(image, "v2")
    signature = repo.push_manifest(oci.index([], subject=image.descriptor()))
    index = repo.push_manifest(oci.index([image.descriptor()]), "all")
    expect(repo.send_chunk(repo.start_upload(), b"half"), 202)
    return image, signature, index


def test_all_of_it_goes(front, repo, berth):
    contents = fill(repo)
    other = oci.Repository(front)
    other_image = other.push_image("v1")
    removed = berth.json("rm", "-r", repo.name)
    assert removed == {"name": repo.name, "dryRun": False, "tags": ["all", "v1", "v2"], "uploads": 1,
                       "manifests": sorted(content.digest for content in contents)}
    assert not repo.directory.exists()
    assert not litter(front)
    expect_error(repo.get("tags/list"), 404, "NAME_UNKNOWN")
    expect_error(repo.get(f"manifests/{contents[0].digest}"), 404, "MANIFEST_UNKNOWN")
    assert not repo.referrers(contents[0].digest)
    assert expect(other.get("manifests/v1"), 200).body == other_image.data
    assert repo.name not in berth("ls")
    # The content is the collector's.
    algorithm, _, digits = contents[0].digest.partition(":")
    assert (front.root / "docker/registry/v2/blobs" / algorithm / digits[:2] / digits / "data").exists()
    assert repo.name in berth("rm", "-r", repo.name, status=NO_SUCH)


def test_it_can_be_pushed_again(repo, berth):
    image, *_ = fill(repo)
    berth("rm", "--recursive", repo.name)
    expect_error(repo.put_manifest(image, "v1"), 400, "MANIFEST_BLOB_UNKNOWN")
    again = repo.push_image("v1")
    assert expect(repo.get("manifests/v1"), 200).body == again.data
    assert repo.tags() == ["v1"]


def test_dry_run(front, repo, berth):
    contents = fill(repo)
    shared = oci.Repository(front).push_image("v1").document["layers"][0]
    expect(repo.post_upload(f"?mount={shared['digest']}"), 201)
    with stores.assert_unchanged(front.root):
        would = berth.json("rm", "-r", "-n", repo.name)
        text = berth("rm", "-r", "--dry-run", repo.name)
    total = berth.json("du", repo.name)["repositories"][0]
    assert would.pop("own") == total["own"]
    assert would.pop("shared") == total["shared"] == {"count": 1, "bytes": shared["size"]}
    assert f"would remove {repo.name}:v2\n" in text
    assert f"would remove {repo.name}@{contents[0].digest}\n" in text
    assert f"would remove {repo.name}: 3 tags, 3 manifests, 1 upload\n" in text
    assert f"in {total['own']['count']} blobs would be left to berth gc" in text
    assert berth.json("rm", "-r", repo.name) == {**would, "dryRun": False}


def test_repositories_below_stay(front, berth):
    above, repo, below = (oci.Repository(front, name) for name in ("a", "a/b", "a/b/c"))
    image = below.push_image("v1")
    for each in above, repo:
        each.push_image("v1")
    berth("rm", "-r", "a/b")
    assert expect(below.get("manifests/v1"), 200).body == image.data
    expect(above.get("manifests/v1"), 200)
    expect(repo.get("manifests/v1"), 404)
    assert sorted(path.name for path in repo.directory.iterdir()) == ["c"]
    berth("rm", "-r", "a")
    assert [entry["name"] for entry in berth.json("ls")["repositories"]] == ["a/b/c"]
    berth("rm", "-r", "a/b/c")  # and the empty directories above it
    assert not list((front.root / "docker/registry/v2/repositories").iterdir())


def test_a_repository_of_nothing_but_an_upload(repo, berth):
    location = repo.start_upload()
    assert berth.json("rm", "-r", "-n", repo.name)["uploads"] == 1
    assert berth("rm", "-r", repo.name) == f"removed {repo.name}: 0 tags, 0 manifests, 1 upload\n"
    assert not repo.directory.exists()
    expect_error(repo.send_chunk(location, b"more"), 404, "BLOB_UPLOAD_UNKNOWN")
    expect_error(repo.close_upload(location, oci.digest_of(b"x"), b"x"), 404, "BLOB_UPLOAD_UNKNOWN")
    assert not repo.directory.exists()


def test_an_upload_under_way_stays(front, repo, berth):
    """It succeeds, and what is missing besides it is said to whoever needs it."""
    image = repo.push_image("v1")
    content = oci.blob(1_000_000)
    location = repo.start_upload()
    target = oci.complete(location, content.digest)
    with front.spawn("PUT", target, {"Content-Length": str(len(content.data))}, None) as put:
        put.stdin.write(content.data[:700_000])
        put.stdin.flush()
        session = repo.directory / "_uploads" / location.split("?")[0].rpartition("/")[2]
        deadline = time.monotonic() + 20
        while (session / "data").stat().st_size == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        done = subprocess.run([BUILD / "berth", "rm", "-r", repo.name, "--root", front.root], check=True,
                              capture_output=True, text=True, timeout=60)
        assert done.stderr == f"berth: 1 upload to {repo.name} is under way and stays\n{COMES_BACK}"
        assert done.stdout.endswith(f"removed {repo.name}: 1 tag, 1 manifest, 0 uploads\n")
        output, _ = put.communicate(content.data[700_000:], timeout=60)
    assert b"Status: 201" in output
    assert expect(repo.get(f"blobs/{content.digest}"), 200).body == content.data
    expect_error(repo.put_manifest(image, "v1"), 400, "MANIFEST_BLOB_UNKNOWN")


def test_usage(repo, berth):
    repo.push_image("v1")
    assert "give its name alone" in berth("rm", "-r", f"{repo.name}:v1", status=USAGE)
    assert "with -r" in berth("rm", repo.name, status=USAGE)
    assert "nothing/here" in berth("rm", "-r", "nothing/here", status=NO_SUCH)
    assert "nothing/here" in berth("rm", "-r", "-n", "nothing/here", status=NO_SUCH)
    expect(repo.get("manifests/v1"), 200)


def test_damage_is_no_hindrance(repo, berth):
    repo.push_image("v1")
    (repo.directory / "_manifests/tags/v1/current/link").write_text("")
    (repo.directory / "_layers/stray").write_text("x")
    (repo.directory / "_uploads/stray").mkdir(parents=True)
    berth("rm", "-r", repo.name)
    assert not repo.directory.exists()


def push_whole_image(repo, counts):
    """As a client does. What was acknowledged counts at the end; an error must say what it is."""
    steps = [oci.blob(64, oci.OCI_CONFIG), oci.blob(2000, oci.OCI_LAYER)]
    for content in steps:
        started = repo.post_upload()
        oci.expect(started, 202)
        finished = repo.close_upload(started.headers["Location"], content.digest, content.data)
        if finished.status != 201:
            counts["refused"] += 1
            # 409: the session is just being taken away.
            return expect_error(finished, 409 if finished.status == 409 else 404, "BLOB_UPLOAD_INVALID",
                                "BLOB_UPLOAD_UNKNOWN")
    manifest = oci.image(steps[0].descriptor(), [steps[1].descriptor()])
    pushed = repo.put_manifest(manifest, "v1")
    if pushed.status != 201:
        counts["refused"] += 1
        return expect_error(pushed, 400, "MANIFEST_BLOB_UNKNOWN")
    counts["pushed"] += 1
    pulled = repo.get(f"manifests/{manifest.digest}")
    if pulled.status == 200:
        assert pulled.body == manifest.data
    return expect(pulled, 200, 404)  # it may have been removed since


def assert_whole(front):
    """Whatever has a name can be pulled, all of it."""
    for name in front.request("GET", "/v2/_catalog").json()["repositories"]:
        repo = oci.Repository(front, name)
        for tag in repo.tags():
            document = expect(repo.get(f"manifests/{tag}"), 200).json()
            for descriptor in document.get("manifests", []):
                expect(repo.get(f"manifests/{descriptor['digest']}"), 200)
            for descriptor in document.get("layers", []):
                expect(repo.get(f"blobs/{descriptor['digest']}"), 200)


@pytest.mark.parametrize("name", ["race", "race/below"])
def test_pushes_meanwhile_are_whole_or_refused(front, berth, name):
    """For eight seconds, and until enough has happened on a machine that is busy."""
    counts = {"pushed": 0, "refused": 0}
    failures = []
    stop = threading.Event()
    oci.Repository(front, "other").push_image()  # so that there is a store, whoever comes first

    def push():
        repo = oci.Repository(front, name)
        while not stop.is_set():
            try:
                push_whole_image(repo, counts)
            except Exception as error:  # whatever it is, the test shows it
                failures.append(error)
                return

    removed = 0
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(push)
        try:
            began = time.monotonic()
            while not failures and ((passed := time.monotonic() - began) < 8
                                    or min(removed, counts["pushed"]) <= 5 and passed < 120):
                removed += remove(front, name) == 0
                assert_tags_are_whole_or_gone(front, name)
        finally:
            stop.set()
    assert not failures, failures
    assert removed > 5
    assert counts["pushed"] > 5, counts
    assert_whole(front)


def remove(front, name):
    """The exit status."""
    done = subprocess.run([BUILD / "berth", "rm", "-r", name, "--root", front.root], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode in (0, NO_SUCH), done
    return done.returncode


def assert_tags_are_whole_or_gone(front, name):
    repo = oci.Repository(front, name)
    pulled = expect(repo.get("manifests/v1"), 200, 404)
    if pulled.status == 200:
        for descriptor in (pulled.json()["config"], *pulled.json()["layers"]):
            expect(repo.get(f"blobs/{descriptor['digest']}"), 200, 404)


def test_killed_at_any_moment(front, berth):
    """What is left is litter, and a second try goes on."""
    for attempt in range(25):
        repo = oci.Repository(front, "killed")
        fill(repo)
        with subprocess.Popen([BUILD / "berth", "rm", "-r", "killed", "--root", front.root], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(random.Random(attempt).uniform(0, 0.012))
            process.kill()
        assert_whole(front)
        remove(front, "killed")
        assert not list(repo.directory.glob("_*"))


def test_what_a_killed_one_left(front):
    """Its last step is to remove directories; there is no repository any more."""
    left = oci.Repository(front, "deep/killed").directory / "_uploads"
    left.mkdir(parents=True)
    assert remove(front, "deep/killed") == NO_SUCH
    assert not left.parent.parent.exists()


@pytest.mark.parametrize("what", [("{}:v1",), ("{}@{digest}",), ("-r", "{}")])
def test_31_says_that_the_space_comes_back_later(repo, berth, what):
    """Once it was removed; the grace is the store's."""
    image = repo.push_image("v1")
    args = [word.format(repo.name, digest=image.digest) for word in what]
    for dry_run, said in (["--dry-run"], ""), ([], COMES_BACK):
        done = subprocess.run([BUILD / "berth", "rm", *args, *dry_run, "--root", berth.root], check=True, capture_output=True,
                              text=True, timeout=60)
        assert done.stderr == said


def test_31_the_last_removal_takes_the_repository_off_the_catalog(front, berth):
    """By the command as by DELETE."""
    by_command, by_request = oci.Repository(front, "command"), oci.Repository(front, "request")
    one, other = by_command.push_image("v1"), by_request.push_image("v1")
    berth("rm", f"{by_command.name}:v1")
    expect(by_request.delete("manifests/v1"), 202)
    assert front.request("GET", "/v2/_catalog").json()["repositories"] == ["command", "request"]  # a manifest is left
    berth("rm", f"{by_command.name}@{one.digest}")
    expect(by_request.delete(f"manifests/{other.digest}"), 202)
    assert front.request("GET", "/v2/_catalog").json()["repositories"] == []
