# SPDX-License-Identifier: Apache-2.0
"""Runs commands with a fault at one of their steps, on copies of a store, and looks at what they leave."""

import contextlib
import os
import random
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fault.sample import APP
from tests.lib import faults, fronts, oci
from tests.lib.graph import Store
from tests.lib.paths import BUILD
from tests.lib.ramdisk import ramdisk

SAMPLES = 30  # steps at which a fault is tried, if there are more
SERVED = 10  # of so many runs, one has everything pulled through the registry too
SMALL_DISK = "16m"
PAGE = 4096


@dataclass(frozen=True)
class Case:
    """A command, and what it may do to the tags."""

    name: str
    args: tuple  # with {home}, {output}, and {doomed}, a digest
    goes: Callable = lambda name, tag: False  # the tags that it removes
    brings: frozenset = frozenset()  # those that it makes
    prepare: Callable = lambda root: None  # changes the store before
    finds: bool = False  # what is prepared is wrong until the command has succeeded
    again: tuple = (0,)  # how it may end once it has done its work
    settings: tuple = ()  # lines of berth.conf
    needs_space: bool = True  # False: it succeeds on a disk that is full


@dataclass
class Outcome:
    status: int
    steps: int
    struck: str  # the call that the fault hit, "" if none
    output: str


class Harness:
    def __init__(self, home: Path):
        self.home, self.model = home, home / "model"
        self.doomed = Store(self.model).tags(APP)["doomed"]

    @contextlib.contextmanager
    def store(self, case: Case):
        """A copy of the model, prepared."""
        place = Path(tempfile.mkdtemp(dir=self.home))
        copy(self.model, place / "store")
        case.prepare(place / "store")
        yield place / "store"
        subprocess.run(["rm", "-r", place], check=True)

    def berth(self, root: Path, case: Case, args, fault: str | None = None, durability: str = "none") -> Outcome:
        conf, state = root.parent / "berth.conf", root.parent / "state"
        conf.write_text("\n".join([f'root = "{root}"', f'durability = "{durability}"', *case.settings, ""]))
        output = root.parent / "output"
        args = [str(arg).format(home=self.home, output=output, doomed=self.doomed) for arg in args]
        environment = {"PATH": "/usr/bin:/bin", "BERTH_CONF": str(conf), **faults.environment(state, fault)}
        done = subprocess.run([BUILD / "berth", *args], env=environment, capture_output=True, text=True, timeout=60)
        seen = faults.seen(state)
        return Outcome(done.returncode, seen.steps, seen.struck,
                       f"berth {' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}")

    def steps(self, case: Case, durability: str) -> list[int]:
        """Those at which to try a fault: all or, of many, always the same."""
        with self.store(case) as root:
            outcome = self.berth(root, case, case.args, durability=durability)
            assert outcome.status == 0, outcome.output
            assert outcome.steps > 0, f"{case.name} changes nothing"
        every = range(1, outcome.steps + 1)
        return sorted(random.Random(case.name).sample(every, SAMPLES)) if len(every) > SAMPLES else list(every)

    def try_steps(self, case: Case, fault: str, durability: str, ends_well: Callable):
        """The fault at each step; ends_well(outcome) says whether the command may end like that."""
        def attempt(number, step):
            with self.store(case) as root:
                before = Store(root).all_tags()
                outcome = self.berth(root, case, case.args, f"{fault} {step}", durability)
                with explained(f"{fault} at step {step}, {outcome.struck}: {outcome.output}"):
                    assert ends_well(outcome)
                    self.check_all(root, case, before)
                    if number % SERVED == 0:
                        self.pull_everything(root)

        steps = self.steps(case, durability)
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for attempted in [threads.submit(attempt, *numbered) for numbered in enumerate(steps)]:
                attempted.result()

    def try_small_disk(self, case: Case, pages: int, ends_well: Callable):
        """The command on a file system with room for so many pages."""
        with ramdisk(SMALL_DISK, self.home) as disk:
            root = disk / "place/store"
            root.parent.mkdir()
            copy(self.model, root)
            case.prepare(root)
            before = Store(root).all_tags()
            self.berth(root, case, ["ls"])  # makes what surrounds the store
            filling = fill_up(disk / "filling", pages)
            outcome = self.berth(root, case, case.args)
            filling.unlink()
            with explained(outcome.output):
                assert ends_well(outcome)
                self.check_all(root, case, before)

    def check_all(self, root: Path, case: Case, before: dict):
        if not case.finds:
            self.check(root, case, before)
        self.again(root, case, before)

    def check(self, root: Path, case: Case, before: dict):
        """fsck is content, and what was tagged is whole, unless it was to go."""
        checked = self.berth(root, case, ["fsck"])
        assert checked.status == 0, checked.output
        store = Store(root)
        assert not store.problems()
        now = store.all_tags()
        lost = {key: digest for key, digest in before.items() if now.get(key) != digest and not case.goes(*key)}
        assert not lost
        assert now.keys() <= before.keys() | case.brings

    def again(self, root: Path, case: Case, before: dict):
        """The same command does its work now, and the collector finds all that was left behind."""
        outcome = self.berth(root, case, case.args)
        assert outcome.status in case.again, outcome.output
        now = Store(root).all_tags()
        assert not [key for key in now if case.goes(*key)]
        assert case.brings <= now.keys()
        collected = self.berth(root, case, ["gc", "--grace", "0s"])
        assert collected.status == 0, collected.output
        self.check(root, case, before)
        store = Store(root)
        assert store.blob_bytes() == store.live_bytes()
        assert not store.litter()

    @staticmethod
    def pull_everything(root: Path):
        """Through the registry, as it serves this store now."""
        with fronts.make("cgi", root.parent, root=root) as front:
            for (name, tag), digest in Store(root).all_tags().items():
                repository = oci.Repository(front, name)
                todo = [digest]
                assert oci.expect(repository.get(f"manifests/{tag}"), 200).headers["Docker-Content-Digest"] == digest
                while todo:
                    document = oci.expect(repository.get(f"manifests/{todo.pop()}"), 200).json()
                    todo += [child["digest"] for child in document.get("manifests", ())]
                    for part in filter(None, [document.get("config"), *document.get("layers", ())]):
                        answer = oci.expect(repository.get(f"blobs/{part['digest']}"), 200)
                        assert oci.digest_of(answer.body, part["digest"].split(":")[0]) == part["digest"]


def copy(tree: Path, to: Path):
    """By another process, so that threads can do it at the same time."""
    subprocess.run(["cp", "-a", tree, to], check=True)


def fill_up(path: Path, pages: int) -> Path:
    """A file that leaves so many pages of its file system free."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(PAGE))
    os.truncate(path, path.stat().st_size - pages * PAGE)
    return path


@contextlib.contextmanager
def explained(text: str):
    """Says with a failure what had been done."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{text}\n{error}") from error
