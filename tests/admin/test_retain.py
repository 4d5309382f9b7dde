# SPDX-License-Identifier: Apache-2.0
"""`berth retain`: what it says, that it does what it says, and that it can be killed."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.oci import expect
from tests.lib.paths import BUILD

DAY = 86400
NAMES = ("team/app", "team/tool", "other")
IO, CONFIG, NO_SUCH, USAGE = 74, 78, 66, 64


class Store:
    """A store in which time has passed."""

    def __init__(self, front):
        self.front, self.root = front, front.root
        self.conf = front.root / "berth.conf"

    def repository(self, name):
        return oci.Repository(self.front, name)

    def age_tag(self, repo, tag, days):
        age(repo.directory / "_manifests/tags" / tag / "current/link", days)

    def age_manifest(self, repo, digest, days):
        age(repo.directory / "_manifests/revisions" / digest.replace(":", "/") / "link", days)

    def image(self, repo, tag=None, days=90.0):
        image = repo.push_image(tag)
        self.old(repo, image, tag, days)
        return image

    def old(self, repo, manifest, tag=None, days=90.0):
        if tag:
            self.age_tag(repo, tag, days)
        self.age_manifest(repo, manifest.digest, days)

    def pulled(self, name, days, tag=None):
        """When a tag was pulled, or recording began."""
        path = v2(self.root) / "_berth/pulled" / name / (f"_tags/{tag}" if tag else "_since")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        age(path, days)

    def configure(self, *lines):
        self.conf.write_text("\n".join(['durability = "none"', *lines, ""]))

    def run(self, *args, status=0, root=None) -> subprocess.CompletedProcess:
        done = subprocess.run([BUILD / "berth", "retain", *args, "--config", self.conf, "--root", root or self.root],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == status, (args, done)
        return done

    def json(self, *args, status=0, root=None):
        return json.loads(self.run(*args, "--json", status=status, root=root).stdout)


def v2(root) -> Path:
    return root / "docker/registry/v2"


def age(path, days):
    os.utime(path, (time.time() - days * DAY,) * 2)


def present(root) -> set[str]:
    """All tags and manifests."""
    repositories = v2(root) / "repositories"
    tags = {f"{link.parents[4].relative_to(repositories)}:{link.parents[1].name}"
            for link in repositories.rglob("_manifests/tags/*/current/link")}
    manifests = {f"{link.parents[4].relative_to(repositories)}@{link.parents[1].name}:{link.parent.name}"
                 for link in repositories.rglob("_manifests/revisions/*/*/link")}
    return tags | manifests


def removed(told) -> set[str]:
    """Of what is told as JSON."""
    return {f"{repository['name']}:{tag['tag']}" for repository in told["repositories"] for tag in repository["tags"]
            if tag["verdict"] == "remove"} | \
        {f"{repository['name']}@{manifest['digest']}" for repository in told["repositories"]
         for manifest in repository["manifests"] if manifest["verdict"] == "remove"}


def verdicts(told, name) -> dict[str, tuple[str, str]]:
    [repository] = [repository for repository in told["repositories"] if repository["name"] == name]
    return {tag["tag"]: (tag["verdict"], tag["rule"]) for tag in repository["tags"]}


@pytest.fixture
def store(front):
    expect(front.request("GET", "/v2/"), 200)  # which makes it
    return Store(front)


def signature_of(manifest, end=".sig"):
    return manifest.digest.replace(":", "-") + end


@pytest.fixture(scope="module")
def with_everything():
    """The directory of repositories with something of everything."""
    with running_front("cgi") as front:
        store = Store(front)
        for name in NAMES:
            repo = store.repository(name)
            for i in range(6):
                image = store.image(repo, f"v1.{i}", days=60 - 10 * i)
                store.pulled(name, 58 - 10 * i, f"v1.{i}")
            store.old(repo, repo.push_manifest(oci.index([], subject=image.descriptor())))
            store.image(repo, "pr-1", days=20)
            store.image(repo, "pr-2", days=3)
            store.image(repo, signature_of(image))
            parts = [store.image(repo) for _ in range(2)]
            store.old(repo, repo.push_manifest(oci.index([part.descriptor() for part in parts]), "multi"), "multi")
            gone = [store.image(repo) for _ in range(2)]
            gone_index = repo.push_manifest(oci.index([part.descriptor() for part in gone]))
            store.old(repo, gone_index, days=12)
            store.image(repo, signature_of(gone_index))
            store.old(repo, repo.push_manifest(oci.index([], subject=gone_index.descriptor())))
            for part in (*parts, *gone):
                store.old(repo, part)
            store.image(repo, days=2)
            store.image(repo, days=8)
            store.pulled(name, 70)
        yield front.root


@pytest.fixture
def old_store(front, with_everything):
    """A copy of it."""
    shutil.copytree(with_everything, front.root, dirs_exist_ok=True)
    return Store(front)


MATRIX = {
    "no rule": ['retain "**" { }'],
    "newest": ['retain "**" { newest = 3 }'],
    "tags": ['retain "**" { tags = {"v1.?", "latest"} }'],
    "nothing": ['retain "**" { tags = {"none"} }'],
    "younger": ['retain "**" { younger = "30d" }'],
    "pulled": ['retain "**" { pulled = "14d" }'],
    "untagged": ['retain "**" { newest = 2 untagged = "10d" }'],
    "forever": ['retain "**" { newest = 2 untagged = "forever" }'],
    "at once": ["grace = 0", 'retain "**" { newest = 1 untagged = "0s" }'],
    "all": ['retain "**" { newest = 1 tags = {"multi"} younger = "4d" pulled = "21d" untagged = "1w" }'],
    "one repository": ['retain "team/app" { newest = 1 }'],
    "most specific": ['retain "**" { newest = 1 }', 'retain "team/*" { younger = "30d" }',
                      'retain "team/app" { pulled = "14d" untagged = "3w" }'],
    "immutable": ['retain "**" { newest = 1 untagged = "1d" }', 'repository "team/*" { immutable = {"v1.0", "m*"} }',
                  'repository "other" { readonly = true }'],
}


@pytest.mark.parametrize("lines", MATRIX.values(), ids=MATRIX)
def test_a_dry_run_and_the_run_agree(old_store, lines):
    old_store.configure(*lines)
    before = present(old_store.root)
    dry = old_store.json("--dry-run")
    assert present(old_store.root) == before
    assert dry["dryRun"]
    verbose = old_store.json("--dry-run", "-v")
    assert removed(verbose) == removed(dry)
    text = old_store.run("--dry-run").stdout.splitlines()
    run = old_store.json()
    assert not run["dryRun"]
    assert removed(run) == removed(dry)
    assert before - present(old_store.root) == removed(dry)
    assert {line.split()[1] for line in text if line.startswith("remove ")} == removed(dry)
    told = {key: value for key, value in dry["summary"].items() if key != "seconds"}
    assert told == {key: value for key, value in run["summary"].items() if key != "seconds"}
    tags = {entry for entry in removed(dry) if ":" in entry and "@" not in entry}
    assert (told["tagsRemoved"], told["manifestsRemoved"]) == (len(tags), len(removed(dry) - tags))
    # Nothing that stays has lost what it needs.
    for name in NAMES:
        repo = old_store.repository(name)
        for tag in repo.tags():
            index = expect(repo.get(f"manifests/{tag}"), 200).json()
            for child in index.get("manifests", []):
                expect(repo.get(f"manifests/{child['digest']}"), 200)


def test_the_matrix_is_worth_it(old_store):
    """Each of its configurations means something else."""
    results = {}
    for name, lines in MATRIX.items():
        old_store.configure(*lines)
        results[name] = frozenset(removed(old_store.json("--dry-run")))
    assert len(set(results.values())) == len(results)


def test_verdicts_name_their_rule(old_store):
    old_store.configure('retain "team/*" {', "  newest = 2", '  tags = {"x", "v1.0"}', '  younger = "25d"',
                        '  pulled = "35d"', '  untagged = "10d" }', 'repository "team/app" { immutable = {"mul*"} }')
    assert verdicts(old_store.json("--dry-run"), "team/app") == {
        "v1.0": ("keep", "tags"), "v1.1": ("remove", None), "v1.2": ("remove", None), "v1.3": ("keep", "pulled"),
        "v1.4": ("keep", "younger"), "v1.5": ("keep", "newest"), "pr-1": ("keep", "younger"), "pr-2": ("keep", "newest"),
        "multi": ("keep", "immutable")} | {tag: verdict for tag, verdict in
                                           verdicts(old_store.json("--dry-run"), "team/app").items()
                                           if tag.startswith("sha256-") and verdict[1] == "subject"}
    lines = {line.split()[1]: line for line in old_store.run("--dry-run", "team/app").stdout.splitlines()}
    at = f"{old_store.conf}:2"
    assert lines["team/app:v1.0"] == f'keep team/app:v1.0 (tags = "v1.0", {at})'
    assert lines["team/app:v1.1"] == f"remove team/app:v1.1 (set 50d ago, pulled 48d ago: no rule keeps it; {at})"
    assert lines["team/app:v1.3"] == f'keep team/app:v1.3 (pulled = "35d", {at})'
    assert lines["team/app:v1.4"] == f'keep team/app:v1.4 (younger = "25d", {at})'
    assert lines["team/app:pr-2"] == f"keep team/app:pr-2 (newest = 2, {at})"
    assert lines["team/app:multi"] == f'keep team/app:multi (immutable = "mul*", {old_store.conf}:8)'
    untagged = sorted(line.partition(" ")[0] + line.partition(" (")[2] for name, line in lines.items() if "@" in name)
    assert f'keepno tag for 2d: untagged = "10d", {at})' in untagged
    assert f'removeno tag for 12d: untagged = "10d", {at})' in untagged
    assert any(line.startswith("removegoes with sha256:") for line in untagged)
    assert untagged.count(f'keeploses its last tag: untagged = "10d", {at})') == 3  # two tags, and a signature's


def test_what_a_run_says(store):
    repo = store.repository("a")
    store.image(repo, "old")
    store.image(repo, "new", days=1)
    store.image(store.repository("b"), "old")
    store.configure('retain "a" { younger = "7d" }')
    dry = store.run("--dry-run").stdout.splitlines()
    assert dry[-2].startswith("1 repository: 1 tag kept, 1 to be removed; 2 manifests kept, 0 to be removed; ")
    assert dry[-1] == "1 more without a retain section"
    lines = store.run().stdout.splitlines()
    assert lines[0] == f"removed a:old (set 90d ago: no rule keeps it; {store.conf}:2)"
    assert lines[1].startswith("1 repository: 1 tag kept, 1 removed; 2 manifests kept, 0 removed; ")
    assert lines[2:] == ["1 more without a retain section", "`berth gc` brings the space back"]
    verbose = store.run("-v").stdout.splitlines()
    assert [line.split("@")[0].split(" (")[0] for line in verbose][:2] == ["kept a:new", "kept a"]
    assert "b: no retain section is for it" in store.run("b").stderr


def test_named_repositories(old_store):
    old_store.configure('retain "**" { newest = 1 }')
    names = {repository["name"] for repository in old_store.json("--dry-run", "other", "team/app")["repositories"]}
    assert names == {"other", "team/app"}
    assert removed(old_store.json("team/app"))
    assert "nothing/here" in old_store.run("team/tool", "nothing/here", status=NO_SUCH).stderr
    assert "lower-case" in old_store.run("UPPER", status=USAGE).stderr
    assert removed(old_store.json("--dry-run", "team/tool"))  # the run above has not begun


@pytest.mark.parametrize("lines, said", [
    (['retain "a" { newest = 0 }'], "berth.conf:2: newest"),
    (['retain "A" { newest = 1 }'], "berth.conf:2: retain"),
    (['retain "a" { tags = {"v 1"} }'], "no tag can match"),
    (['retain "a" { newest = 1 }', 'repository "a" { immutable = {"v 1"} }'], "berth.conf:3: "),
])
def test_configurations_that_are_refused(store, lines, said):
    store.image(store.repository("a"), "v1")
    before = present(store.root)
    store.configure(*lines)
    for dry in (["--dry-run"], []):
        assert said in store.run(*dry, status=CONFIG).stderr
    assert present(store.root) == before


def test_without_a_rule_everything_stays(store):
    """That is said, and is no failure: berth-retain.timer may be there before the first rule."""
    store.image(store.repository("a"), "v1")
    before = present(store.root)
    store.configure()
    for dry in (["--dry-run"], []):
        done = store.run(*dry)
        assert 'retain "**" {' in done.stderr and "everything stays" in done.stderr
        assert "1 more without a retain section" in done.stdout.splitlines()
    assert store.json()["repositories"] == []
    assert present(store.root) == before


def test_a_damaged_repository_is_left(store):
    """And the others are not."""
    for name in ("a", "b", "c", "d"):
        repo = store.repository(name)
        store.image(repo, "old")
        image = store.image(repo)
        if name == "b":
            algorithm, encoded = image.digest.split(":")
            (v2(store.root) / "blobs" / algorithm / encoded[:2] / encoded / "data").write_text("{")
        if name == "c":
            (repo.directory / "_manifests/tags/old/current/link").write_text("")
    store.configure('retain "**" { younger = "7d" }')
    damaged = {entry for entry in present(store.root) if entry[0] in "bc"}
    for dry in (["--dry-run"], []):
        done = store.run(*dry, status=IO)
        assert "berth: b: the manifest sha256:" in done.stderr and "berth: c: " in done.stderr
        assert "see above" in done.stderr
    assert {entry for entry in present(store.root) if entry[0] in "bc"} == damaged
    assert "a:old" not in present(store.root) and "d:old" not in present(store.root)
    told = store.json(status=IO)
    assert told["summary"]["failed"] == 2
    assert [bool(repository["error"]) for repository in told["repositories"]] == [False, True, True, False]


def test_turning_the_rule_for_pulls_on_removes_nothing(store):
    repo = store.repository("a")
    for tag in ("used", "unused"):
        store.image(repo, tag, days=400)
    store.configure('retain "**" { pulled = "14d" }')
    since = v2(store.root) / "_berth/pulled/a/_since"
    assert removed(store.json("--dry-run")) == set()
    assert not since.exists()
    assert removed(store.json()) == set()
    assert since.exists()
    age(since, 15)
    store.pulled("a", 3, "used")
    assert removed(store.json("--dry-run")) == {"a:unused"}
    # Losing all that is known of pulls begins anew.
    shutil.rmtree(v2(store.root) / "_berth/pulled")
    assert removed(store.json()) == set()


def test_a_pull_keeps_a_tag(store):
    repo = store.repository("a")
    for tag in ("used", "unused"):
        store.image(repo, tag, days=400)
    store.configure('retain "**" { pulled = "14d" }')
    store.front.env["BERTH_CONF"] = str(store.conf)
    store.pulled("a", 15)
    expect(repo.head("manifests/used"), 200)
    assert removed(store.json()) == {"a:unused"}


def test_records_of_pulls_go_with_their_tags(store):
    repo = store.repository("a")
    for tag in ("old", "new", "deleted"):
        store.image(repo, tag)
        store.pulled("a", 30, tag)
    store.pulled("a", 30)
    store.pulled("gone/long/ago", 30, "v1")
    expect(repo.delete("manifests/deleted"), 202)
    store.configure('retain "**" { pulled = "14d" tags = {"new"} }')
    records = v2(store.root) / "_berth/pulled"
    store.run("--dry-run")
    assert (records / "gone/long/ago").exists()
    store.run()
    assert {path.name for path in records.rglob("*") if path.is_file()} == {"new", "_since"}
    assert [path.name for path in records.iterdir()] == ["a"]


def test_a_manifest_that_lost_its_tag_stays_for_a_while(store):
    repo = store.repository("a")
    image = store.image(repo, "old")
    store.configure('retain "**" { younger = "7d" untagged = "10d" }')
    store.run()
    expect(repo.get("manifests/old"), 404)
    expect(repo.get(f"manifests/{image.digest}"), 200)
    for days, status in ((0, 200), (9, 200), (11, 404)):
        if days:
            store.age_manifest(repo, image.digest, days)
        store.run()
        expect(repo.get(f"manifests/{image.digest}"), status)


def clean(root):
    """What a killed run may leave is litter in _berth/tmp: each name leads to what it names."""
    repositories = v2(root) / "repositories"
    for link in repositories.rglob("_manifests/tags/*/current/link"):
        algorithm, encoded = link.read_text().split(":")
        assert (link.parents[3] / "revisions" / algorithm / encoded / "link").exists(), link
    for link in repositories.rglob("_manifests/revisions/*/*/link"):
        encoded = link.parent.name
        manifest = json.loads((v2(root) / "blobs/sha256" / encoded[:2] / encoded / "data").read_bytes())
        for child in manifest.get("manifests", []):
            assert (link.parents[2] / child["digest"].replace(":", "/") / "link").exists(), link
    for path in repositories.rglob("*"):
        assert path.is_dir() or path.name in ("link", "data", "startedat", "state") or "_referrers" in path.parts, path


def test_kill_and_run_again(store):
    """At any moment; a run that is not disturbed then finishes what there was to do."""
    store.configure('retain "**" { tags = {"keep*"} untagged = "1d" }')
    for name in ("a", "b"):
        repo = store.repository(name)
        for i in range(12):
            tag = f"keep{i}" if i % 4 == 0 else f"go{i}"
            parts = [store.image(repo) for _ in range(2)]
            index = oci.index([part.descriptor() for part in parts])
            repo.push_manifest(index, tag)
            store.old(repo, index, tag)
            untagged = oci.index([part.descriptor() for part in parts], annotations={"untagged": str(i)})
            repo.push_manifest(untagged)
            store.old(repo, untagged)
            store.image(repo, signature_of(untagged))
            for part in parts:
                store.old(repo, part)
    everything = present(store.root)
    undisturbed = store.root.parent / "copy"
    shutil.copytree(store.root, undisturbed)
    started = time.monotonic()
    store.run(root=undisturbed)
    length = time.monotonic() - started
    kills = 0
    for i in range(1, 12):
        process = subprocess.Popen([BUILD / "berth", "retain", "--config", store.conf, "--root", store.root],
                                   stdout=subprocess.DEVNULL)
        time.sleep(length * i / 12)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        clean(store.root)
    assert kills
    for root in (store.root, undisturbed):  # a signature's manifest has lost its tag to a run, and goes in the next
        store.run(root=root)
        store.run(root=root)
        clean(root)
    assert present(store.root) == present(undisturbed)
    assert len(present(undisturbed)) < len(everything) / 2
