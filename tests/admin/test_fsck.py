# SPDX-License-Identifier: Apache-2.0
"""`berth fsck`: it finds each planted fault and nothing else, mends it, and leaves all that is sound."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.distribution import Distribution
from tests.lib.owner import hand_over
from tests.lib.paths import BUILD, CHECKOUT
from tests.lib.planted import FAULTS, Full, flip
from tests.lib.stores import assert_unchanged

DAMAGED = 65  # EX_DATAERR
STOPPED = 75  # EX_TEMPFAIL


@pytest.fixture
def store(front):
    return Full(front)


@pytest.fixture
def fsck(front):
    return lambda *args, status=0: run(front.root, *args, status=status)


def run(root, *args, status=0):
    """The findings and the summary."""
    done = subprocess.run([BUILD / "berth", "fsck", "--json", "--root", root, *args], capture_output=True, text=True,
                          timeout=120, env={"BERTH_DURABILITY": "none", **os.environ})
    assert done.returncode == status, (done.stdout, done.stderr)
    *findings, last = map(json.loads, done.stdout.splitlines())
    return findings, last["summary"]


def codes(findings):
    return sorted(finding["code"] for finding in findings)


def test_sound_store(store, fsck):
    for args in (), ("--fast",), ("--jobs", "1"), ("--repair",), ():
        with assert_unchanged(store.front.root):
            findings, summary = fsck(*args)
        assert findings == []
        assert (summary["repositories"], summary["manifests"]) == (2, len(store.manifests))
        assert summary["blobs"] == len(store.blobs) + len(store.manifests)
        assert summary["hashed"] == (0 if "--fast" in args else summary["blobs"])
        assert summary["complete"] is True


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault(name, store, fsck):
    fault = FAULTS[name]
    pulled = store.pull()
    fault.plant(store)
    if not fault.own:
        pulled = store.pull()
    with assert_unchanged(store.v2 / "_berth"), assert_unchanged(store.front.root):
        findings, summary = fsck(status=DAMAGED)
    assert codes(findings) == [fault.code], findings
    assert findings[0]["repaired"] is None
    assert summary["findings"] == 1
    findings, summary = fsck("--repair")
    assert fault.code in codes(findings)
    assert all(finding["repaired"] for finding in findings), findings
    for args in (), ("--repair",):
        assert fsck(*args)[0] == []
    after = store.pull()
    assert {key: after.get(key) for key in pulled} == pulled
    if not fault.lost:
        assert store.complete()
    else:
        store.push_again()
        assert store.complete()
    findings, summary = fsck()
    assert findings == []
    assert summary["awaited"] == 0


def test_every_code_has_a_fault_and_a_line_in_the_manual():
    known = set()
    manual = (CHECKOUT / "man/berth.1").read_text()
    for line in (CHECKOUT / "src/fsck/fsck.def").read_text().splitlines():
        if line.startswith("FSCK("):
            _, code, severity, mendable, text = line.removeprefix("FSCK(").removesuffix(")").split(", ", 4)
            known.add((code.strip('"'), mendable == "true"))
            kind = severity.lower()
            mark = "yes" if mendable == "true" else "no"
            assert f".It {code.strip(chr(34))} Ta {kind} Ta {mark} Ta" in manual, code
    planted = {fault.code for fault in FAULTS.values()}
    assert {code for code, mendable in known if mendable} == planted


def test_one_fault_does_not_hide_another(store, fsck):
    """All at once, as far as they do not touch the same thing."""
    names = ["flipped bit in a sha512", "damaged manifest", "unlinked child", "missing layer link",
             "damaged referrer entry", "session without data", "stray _file", "file among tags", "wrong owner"]
    for name in names:
        FAULTS[name].plant(store)
    findings, _ = fsck(status=DAMAGED)
    assert codes(findings) == sorted(FAULTS[name].code for name in names)
    fsck("--repair")
    assert fsck()[0] == []


def test_what_repair_cannot_mend(store, fsck):
    layer = store.app.push_blob(oci.blob(100, oci.OCI_LAYER))
    config = store.app.push_blob(oci.blob(100, oci.OCI_CONFIG))
    store.app.plant_manifest(oci.image(config.descriptor(), [{**layer.descriptor(), "size": 99}]), "sized")
    for args in (), ("--repair",):
        findings, summary = fsck(*args, status=DAMAGED)
        assert codes(findings) == ["MANIFEST-SIZE"]
        assert summary["repaired"] == 0


def test_text(store, berth):
    name = "evil\nname\x1b"
    (store.v2 / "repositories" / name).write_text("")
    flip(store.blob(store.spare.digest))
    done = subprocess.run([BUILD / "berth", "fsck", "--root", berth.root], capture_output=True, text=True, timeout=60)
    assert done.returncode == DAMAGED
    *lines, summary = done.stdout.splitlines()
    assert sorted(line.split()[:2] for line in lines) == [["FOREIGN-FILE", "warning"], ["MANIFEST-DIGEST", "error"]]
    assert any(line.startswith(f"MANIFEST-DIGEST error team/app@{store.spare.digest}: ") for line in lines)
    assert any("repositories/evil\\x0aname\\x1b: " in line for line in lines)
    assert "1 error, 1 warning, 0 repaired" in summary
    assert "2 faults" in done.stderr


def test_quarantine_keeps_the_path(store, fsck):
    data = store.blob(store.layer_of(store.image))
    flip(data)
    damaged = data.read_bytes()
    findings, summary = fsck("--repair")
    assert summary["lost"] == 1
    [kept] = (store.v2 / "_berth/quarantine").glob("*/blobs/sha256/??/*/data")
    assert kept.read_bytes() == damaged
    assert str(kept.relative_to(store.v2)) in findings[0]["repaired"]
    assert store.app.head(f"blobs/{store.layer_of(store.image)}").status == 404
    assert fsck()[1]["awaited"] == 1


def test_referrers_list_answers_again(store, fsck):
    """A damaged referrer or fallback tag makes the list fail."""
    store.entry().write_text("{")
    flip(store.blob(store.signature.digest))
    assert store.app.get(f"referrers/{store.image.digest}").status == 500
    (store.tag(store.spare.digest.replace(":", "-")) / "current/link").write_text("")
    assert store.app.get(f"referrers/{store.spare.digest}").status == 500
    assert codes(fsck(status=DAMAGED)[0]) == ["MANIFEST-DIGEST", "TAG-DAMAGED"]
    fsck("--repair")
    assert fsck()[0] == []
    assert store.app.referrers(store.image.digest) == []
    assert store.app.referrers(store.spare.digest) == []
    store.push_again()
    assert [entry["digest"] for entry in store.app.referrers(store.image.digest)] == [store.signature.digest]


def test_store_that_is_not_mounted(store, fsck):
    """Without a single blob it is no store that lost them all."""
    (store.v2 / "blobs").rename(store.v2 / "aside")
    (store.v2 / "blobs").mkdir(0o750)
    findings, summary = fsck("--repair", status=DAMAGED)
    assert set(codes(findings)) == {"MANIFEST-MISSING"}
    assert "mounted" in findings[0]["notRepaired"]
    (store.v2 / "blobs").rmdir()
    (store.v2 / "aside").rename(store.v2 / "blobs")
    assert store.complete()
    assert fsck()[0] == []


def test_state_goes_on(store, fsck, tmp_path):
    """Killed in the middle, and again: each blob is hashed once, and a damaged one is found by all that follow."""
    for _ in range(40):
        store.app.push_blob(oci.blob(4_000_000))
    state = tmp_path / "state"
    total = fsck()[1]["blobs"]
    first = min((store.v2 / "blobs/sha256").glob("*/*/data"), key=lambda path: path.parent.name)
    if first.stat().st_size > 1_000_000:
        flip(first)
    damaged = first.stat().st_size > 1_000_000
    done = 0
    for number in signal.SIGKILL, signal.SIGINT:
        process = subprocess.Popen([BUILD / "berth", "fsck", "--root", store.front.root, "--state", state, "--jobs", "1",
                                    "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and blobs_in(state) < done + 5:
            time.sleep(0.001)
        process.send_signal(number)
        assert process.wait(60) == (-number if number == signal.SIGKILL else STOPPED)
        assert done < blobs_in(state) < total
        done = blobs_in(state)
    assert "another store" in other_options(store, state)
    findings, summary = fsck("--state", state, status=DAMAGED if damaged else 0)
    assert codes(findings) == ["BLOB-DIGEST"] * damaged
    assert (summary["skipped"], summary["hashed"]) == (done, total - done)
    assert not state.exists()


def other_options(store, state):
    done = subprocess.run([BUILD / "berth", "fsck", "--root", store.front.root, "--state", state, "--fast"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 64
    return done.stderr


def blobs_in(state):
    if not state.exists():
        return 0
    return int(dict(line.split(" ", 1) for line in state.read_text().splitlines() if " " in line)["blobs"])


def test_as_root_on_the_store_of_another(store, fsck):
    """Root puts owners right; all that it makes belongs to the owner of the store."""
    os.chown(store.front.root, 33, 33)
    hand_over(store.v2.parents[1], store.front.root)
    assert fsck()[0] == []
    data = store.blob(store.layer_of(store.image))
    os.chown(data, 0, 0)
    data.chmod(0o600)
    findings, _ = fsck(status=DAMAGED)
    assert codes(findings) == ["FILE-MODE", "FILE-OWNER"]
    flip(store.blob(store.spare.digest))
    assert codes(fsck("--repair")[0]) == ["FILE-MODE", "FILE-OWNER", "MANIFEST-DIGEST"]
    assert fsck()[0] == []
    assert {path.lstat().st_uid for path in store.front.root.rglob("*")} == {33}


def test_nothing_is_made_without_repair(front, fsck, tmp_path):
    """A store of Distribution has no directory of berth's."""
    store = Full(front)
    shutil.rmtree(store.v2 / "_berth")
    with assert_unchanged(front.root):
        assert fsck()[0] == []
    assert not (store.v2 / "_berth").exists()
    assert fsck("--repair")[0] == []
    assert (store.v2 / "_berth/version").exists()


def push_with_distribution(front):
    """What is ordinary there: a layer by its sha512, which it keeps as sha256, an upload that goes on, a manifest that
    was deleted, an index, an artifact that names its subject."""
    repo = oci.Repository(front, "team/app")
    images = [repo.push_image(tag) for tag in ("1", "2", "doomed")]
    repo.push_manifest(oci.index([image.descriptor() for image in images[:2]]), "multi")
    repo.push_manifest(oci.image(images[0].document["config"], [], subject=images[0].descriptor()))
    layer = repo.push_blob(oci.blob(3000, oci.OCI_LAYER, "sha512"))
    repo.push_manifest(oci.image(images[0].document["config"], [layer.descriptor()]), "alias")
    oci.expect(repo.delete(f"manifests/{images[2].digest}"), 202)
    oci.expect(front.request("PATCH", repo.start_upload(), {"Content-Type": oci.OCTET_STREAM}, b"half"), 202)
    oci.Repository(front, "blobs/only").push_blob(oci.blob())


def test_store_of_distribution(tmp_path):
    root = tmp_path / "store"
    root.mkdir()
    with Distribution(root, tmp_path) as front:
        push_with_distribution(front)
    for collect in False, True:
        if collect:  # which takes the layer of sha512, and leaves the links of what it takes
            Distribution(root, tmp_path).collect()
        with assert_unchanged(root):
            findings, summary = run(root, status=DAMAGED if collect else 0)
        assert codes(findings) == ["BLOB-MISSING"] * collect
        assert summary["manifests"] == 5
    assert not (root / "docker/registry/v2/_berth").exists()
    findings, summary = run(root, "--repair")
    assert codes(findings) == ["BLOB-MISSING", "REFERRER-MISSING"]
    assert run(root)[0] == []


class Load:
    """Clients that push, delete and move tags until they are told to stop."""

    def __init__(self, front, workers):
        self.front, self.workers, self.over = front, workers, threading.Event()

    def __enter__(self):
        self.pool = ThreadPoolExecutor(self.workers)
        self.futures = [self.pool.submit(self.work, number) for number in range(self.workers)]
        return self

    def work(self, number):
        """How many rounds."""
        rounds = 0
        repo = oci.Repository(self.front, f"load/{number // 2}")
        while not self.over.is_set():
            image = repo.push_image(f"t{number}", subject=oci.blob().descriptor())
            index = repo.push_manifest(oci.index([image.descriptor()]), f"i{number}")
            for reference in f"t{number}", index.digest, image.digest:
                oci.expect(repo.delete(f"manifests/{reference}"), 202)
            for descriptor in (image.document["config"], *image.document["layers"]):
                oci.expect(repo.delete(f"blobs/{descriptor['digest']}"), 202)
            rounds += 1
        return rounds

    def __exit__(self, *_):
        self.over.set()
        self.pool.shutdown()
        self.rounds = [future.result() for future in self.futures]


def test_while_it_is_being_served():
    """Pushes and deletions at the same time are no faults, and a repair breaks none of them."""
    with running_front("lighttpd", workers=4) as front:
        oci.expect(front.request("GET", "/v2/"), 200)  # which makes the store
        with Load(front, 4) as load:
            end = time.monotonic() + 15
            number = 0
            while time.monotonic() < end or number < 4:
                assert run(front.root, *[(), ("--fast",), ("--repair",)][number % 3])[0] == []
                number += 1
        assert min(load.rounds) > 3
        assert number > 3
        assert run(front.root)[0] == []
