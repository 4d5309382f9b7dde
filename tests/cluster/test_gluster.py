# SPDX-License-Identifier: Apache-2.0
"""Three hosts on GlusterFS. The tests are steps of one story, in the order in which they stand: mounted as it comes, then as
check-storage says; a mount is lost, a host is cut off, one is killed."""

import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib import oci
from tests.lib.gluster import PATIENCE
from tests.lib.oci import expect, expect_error
from tests.lib.paths import BUILD
from tests.lib.workers import wait_for

CONFIG = 78


class Turns:
    """A front whose every request goes to the next host; what came back is noted."""

    def __init__(self, *hosts):
        self.hosts, self.next, self.statuses = hosts, itertools.cycle(hosts), set()

    def request(self, *args, **options):
        response = next(self.next).request(*args, **options)
        self.statuses.add(response.status)
        return response


def match(content):
    return {"If-Match": f'"{content.digest}"'}


@pytest.fixture(scope="session")
def default(cluster):
    """What check-storage says of the mount as it comes."""
    return cluster.check(cluster.hosts[0], cluster.hosts[1], "default")


@pytest.fixture(scope="session")
def cured(cluster, default):
    """The same cluster, with what check-storage asks for, and a registry on each host."""
    cluster.apply(default[0].stdout)
    pairs = ((0, 1), (2, 0))
    for one, other in pairs:
        for done in cluster.check(cluster.hosts[one], cluster.hosts[other], "cured"):
            assert done.returncode == 0, done
            assert "seen up to" not in done.stdout and "can serve this with others" in done.stdout
    for host in cluster.hosts:
        host.serve()
    return cluster


def test_34_default_options_are_found_out_and_refused(cluster, default):
    for done in default:
        assert done.returncode == CONFIG, done
        assert "is seen up to" in done.stdout and "cannot serve this with others" in done.stdout
        assert "locks                    exclude\n" in done.stdout
    host = cluster.hosts[0]
    host.serve()
    try:
        repo = oci.Repository(host)
        image, new = repo.push_image("latest"), repo.push_image()
        expect_error(repo.put_manifest(new, "latest", match(image)), 501, "UNSUPPORTED")
        assert expect(repo.get("manifests/latest"), 200).body == image.data
        assert "ms late" in host.log() and "berth check-storage" in host.log()
    finally:
        host.stop()


def test_33_pushes_through_changing_hosts(cured):
    """No request of an upload goes to the host of the one before; what one has pushed, each has."""
    front = Turns(*cured.hosts)
    repo = oci.Repository(front)
    for number in range(4):
        blob = oci.blob(3000)
        location = repo.start_upload()
        for first in (0, 1000, 2000):
            location = expect(repo.send_chunk(location, blob.data[first:first + 1000], first), 202).headers["Location"]
        expect(repo.close_upload(location, blob.digest), 201)
        image = repo.push_image(f"v{number}", annotations={"number": str(number)})
        for host in cured.hosts:
            there = oci.Repository(host, repo.name)
            assert expect(there.get(f"blobs/{blob.digest}"), 200).body == blob.data
            assert expect(there.get(f"manifests/v{number}"), 200).body == image.data
    assert front.statuses <= {200, 201, 202}


def test_34_one_winner_of_each_race(cured):
    repos = [oci.Repository(host, "race") for host in cured.hosts]
    current = repos[0].push_image("counter")
    for number in range(3):
        news = [repo.push_image(annotations={"round": f"{number}-{i}"}) for i, repo in enumerate(repos)]
        start = threading.Barrier(len(repos))

        def write(repo, new):
            start.wait()
            return repo.put_manifest(new, "counter", match(current))

        with ThreadPoolExecutor(len(repos)) as pool:
            statuses = [response.status for response in pool.map(write, repos, news)]
        assert sorted(statuses) == [201, 412, 412], statuses
        current = news[statuses.index(201)]
        for repo in repos:
            assert expect(repo.get("manifests/counter"), 200).body == current.data


def test_34_the_collector_of_another_host(cured):
    """It keeps what others push meanwhile, and takes what nobody names."""
    repo = oci.Repository(cured.hosts[0])
    image = repo.push_image("v1")
    done = cured.hosts[1]("env", "BERTH_SHARED=true", BUILD / "berth", "gc", "--root", cured.hosts[1].root, "--json")
    assert '"problems":[]' in done.stdout, done
    assert expect(oci.Repository(cured.hosts[2], repo.name).get("manifests/v1"), 200).body == image.data


def test_35_a_host_that_lost_its_mount(cured):
    """Its client dies: 503, also for /v2/; nothing is made in the empty directory; mounted again, it serves again."""
    host = cured.hosts[2]
    repo = oci.Repository(host)
    image = repo.push_image("v1")
    host.lose_mount()
    for target in ("/v2/", f"/v2/{repo.name}/manifests/v1", "/v2/_catalog"):
        wait_for(lambda target=target: host.request("GET", target).status == 503, patience=20)
    host.unmount("-l")
    for _ in range(3):
        expect(host.request("GET", "/v2/"), 503)
        expect(repo.post_upload(), 503)
    assert host("ls", host.root).stdout == ""
    assert "is it mounted?" in host.log() or "not connected" in host.log()
    host.mount("entry-timeout=0", "attribute-timeout=0", "negative-timeout=0")
    wait_for(lambda: host.request("GET", "/v2/").status == 200, PATIENCE)
    assert expect(repo.get("manifests/v1"), 200).body == image.data
    repo.push_image("v2")


class Pusher(threading.Thread):
    """Pushes images until it is told to stop, and remembers what was acknowledged."""

    def __init__(self, front, name):
        super().__init__()
        self.repo, self.acknowledged, self.statuses, self.ending = oci.Repository(front, name), [], set(), threading.Event()

    def run(self):
        for number in itertools.count():
            if self.ending.is_set():
                return
            with contextlib.suppress(OSError, AssertionError):  # it is not acknowledged; statuses are judged below
                tag = f"v{number}"
                self.acknowledged.append((tag, self.repo.push_image(tag, annotations={"number": str(number)})))


def test_34_a_host_is_cut_off_and_killed_meanwhile(cured):
    """What was acknowledged is there, whoever acknowledged it; nobody is answered 409 or 500."""
    fronts = [Turns(host) for host in cured.hosts]
    pushers = [Pusher(front, f"meanwhile{i}") for i, front in enumerate(fronts)]
    lost = cured.hosts[2]
    for pusher in pushers:
        pusher.start()
    try:
        wait_for(lambda: all(len(pusher.acknowledged) >= 2 for pusher in pushers), patience=180)
        lost.cut()
        before = [len(pusher.acknowledged) for pusher in pushers[:2]]
        # Alone it has no quorum: it is no registry any more, as seen from itself.
        wait_for(lambda: lost.request("GET", "/v2/", from_host=lost).status == 503, patience=90)
        lost.kill()
        wait_for(lambda: all(len(pusher.acknowledged) >= n + 2 for n, pusher in zip(before, pushers)), patience=180)
    finally:
        for pusher in pushers:
            pusher.ending.set()
        for pusher in pushers:
            pusher.join()
    seen = set().union(*(front.statuses for front in fronts))
    assert not seen & {404, 409, 412, 500, 501, 502, 504}, seen
    for host in cured.hosts[:2]:
        for pusher in pushers:
            there = oci.Repository(host, pusher.repo.name)
            for tag, image in pusher.acknowledged:
                assert expect(there.get(f"manifests/{tag}"), 200).body == image.data
                for descriptor in (image.document["config"], *image.document["layers"]):
                    assert expect(there.get(f"blobs/{descriptor['digest']}"), 200).body
