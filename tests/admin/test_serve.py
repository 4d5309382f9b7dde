# SPDX-License-Identifier: Apache-2.0
"""`berth serve`: a registry in one command, and nothing left of it afterwards."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lib import client, oci
from tests.lib.oci import expect
from tests.lib.paths import BUILD
from tests.lib.workers import wait_for


def alive(pids):
    """Those that still run; what is only not yet reaped does not."""
    running = []
    for pid in pids:
        try:
            running += [pid] if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" else []
        except FileNotFoundError:
            pass
    return running


def name_of(pid):
    return Path(f"/proc/{pid}/comm").read_text().strip()


def assert_gone(serve, processes):
    deadline = time.monotonic() + 10
    while alive(processes):
        assert time.monotonic() < deadline, alive(processes)
        time.sleep(0.02)
    assert not list((serve.home / "run").iterdir())


def test_starts_within_a_second_and_serves(serve):
    registry = serve()
    assert registry.seconds_to_start < 1
    repo = oci.Repository(registry)
    image = repo.push_image("latest")
    assert expect(repo.get("manifests/latest"), 200).body == image.data
    output = registry.stop()
    assert f"http://127.0.0.1:{registry.port}/v2/" in output
    assert str(registry.root) in output
    for verb in ("tag IMAGE", "push", "pull"):
        assert f"docker {verb} 127.0.0.1:{registry.port}/" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_leaves_nothing(serve, number):
    registry = serve("--workers", "3")
    while len(registry.processes()) < 3 + 3:  # one worker is enough to be ready
        time.sleep(0.01)
    processes = registry.processes()
    assert len(processes) == 3 + 3
    registry.stop(number)
    assert registry.process.returncode == 0
    assert_gone(registry, processes)


def test_a_reload_reads_the_configuration(serve, tmp_path):
    """Also what is read at the start alone. A mistake in it changes nothing."""
    conf = tmp_path / "berth.conf"
    conf.write_text('page_limit = "1"\n')
    registry = serve("--config", conf)
    for _ in range(3):
        oci.Repository(registry).push_image("1")

    def listed():
        return len(expect(registry.request("GET", "/v2/_catalog"), 200).json()["repositories"])

    assert listed() == 1
    for limit in ("2", "3"):
        conf.write_text(f'page_limit = "{limit}"\n')
        registry.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: listed() == int(limit))
    conf.write_text('page_limit = "no number"\n')
    registry.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: "page_limit" in registry.output())
    assert listed() == 3
    registry.stop()
    assert registry.process.returncode == 0


@pytest.mark.parametrize("args, said, count", [((), "2 to 32 workers", 3), (("--workers", "3"), "3 workers", 3), (("--workers", "1"), "1 worker", 1),
                                               (("--workers-max", "3"), "2 to 3 workers", 3),
                                               (("--workers-max", "1"), "1 worker", 1),
                                               (("--workers", "3", "--workers-max", "9"), "3 to 9 workers", 3)])
def test_how_many_workers(serve, args, said, count):
    """Besides this command, lighttpd, and the workers' parent. A request takes one, and there are to be two more; if it is
    answered before the parent looks, it is for another to show that."""
    registry = serve(*args)
    assert f"/v2/ with {said}\n" in registry.output()
    wait_for(lambda: expect(registry.request("GET", "/v2/"), 200) and len(registry.processes()) == 3 + count, patience=60)


def test_workers_for_all_who_ask(serve):
    """Each of many requests at a time finds one, up to the most, and afterwards all go on."""
    registry = serve("--workers-max", "6")
    repo = oci.Repository(registry)
    repo.push_image("latest")
    with ThreadPoolExecutor(24) as clients:
        storm = [clients.submit(repo.get, "manifests/latest") for _ in range(2000)]
        most = 0
        while not all(request.done() for request in storm):
            most = max(most, len(registry.processes()) - 3)
            time.sleep(0.001)
        assert all(expect(request.result(), 200) for request in storm)
    assert 2 < most <= 6


@pytest.mark.parametrize("program", ["lighttpd", "berth.fcgi"])
def test_ends_with_either(serve, program):
    registry = serve()
    processes = registry.processes()
    os.kill(next(pid for pid in processes if name_of(pid) == program), signal.SIGKILL)
    assert registry.process.wait(10) == 78
    assert f"{program} ended by signal 9" in registry.output()
    assert_gone(registry, processes)


def test_an_upload_is_finished_first(serve):
    registry = serve()
    repo = oci.Repository(registry)
    location = repo.start_upload()
    content = oci.blob(200_000)

    def slowly():
        yield content.data[:100_000]
        registry.process.send_signal(signal.SIGINT)
        time.sleep(1)
        yield content.data[100_000:]

    expect(registry.request("PATCH", location, body=slowly()), 202)
    assert registry.process.wait(10) == 0


def test_a_second_signal_breaks_off(serve):
    registry = serve()
    with client.connect(registry.port) as connection:
        connection.sendall(client.request_head("POST", "/v2/a/blobs/uploads/", {"Content-Length": "9"}))
        time.sleep(0.2)
        registry.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert registry.process.poll() is None
        registry.process.send_signal(signal.SIGINT)
        assert registry.process.wait(5) == 0


def test_says_nothing_of_tls_hellos(serve):
    """Docker begins every operation with one."""
    registry = serve()
    assert client.raw(registry.port, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03").startswith(b"HTTP/1.0 400 ")
    assert registry.stop().splitlines()[-1] == "Ctrl-C stops it."


def test_spools_of_dead_processes_are_removed(serve):
    killed = serve()
    spools = killed.root / "docker/registry/v2/_berth/spool"
    left, = spools.iterdir()
    killed.process.kill()
    killed.process.wait()
    assert left.is_dir()
    both = serve(), serve()
    assert len(list(spools.iterdir())) == 2
    assert not left.exists()
    for registry in both:
        registry.stop()
    assert not list(spools.iterdir())


def copy_programs(place):
    place.mkdir()
    for program in ("berth", "berth.fcgi"):
        shutil.copy2(BUILD / program, place)
    return place


def test_programs_in_any_directory(tmp_path):
    """With a space in its name, which lighttpd's bin-path could not have."""
    place = copy_programs(tmp_path / "my programs")
    root = tmp_path / 'a "store" \\ of mine'
    with subprocess.Popen([place / "berth", "serve", "--listen", "127.0.0.1:0", "--root", root], stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout.readline().startswith("Serving ")
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    assert (root / "docker/registry/v2/blobs").is_dir()


def test_files_belong_to_the_owner_of_the_store(tmp_path):
    tmp_path.chmod(0o711)
    for parent in tmp_path.parents[:-2]:
        parent.chmod(parent.stat().st_mode | 0o111)
    place = copy_programs(tmp_path / "programs")  # the checkout may be closed to others than root
    root = tmp_path / "store"
    root.mkdir()
    os.chown(root, 33, 33)
    with subprocess.Popen([place / "berth", "serve", "--listen", "127.0.0.1:0", "--root", root], stdout=subprocess.PIPE,
                          text=True) as process:
        port = int(re.search(r":(\d+)/", process.stdout.readline())[1])
        assert process.stdout.readline() == f"Storing   {root}\n"
        assert process.stdout.readline() == "Running   as user www-data (33), to whom that belongs\n"  # 31
        expect(client.request(port, "POST", "/v2/a/blobs/uploads/", body=b""), 202)
        process.send_signal(signal.SIGINT)
    assert {path.owner() for path in root.rglob("*")} == {"www-data"}


def test_lighttpd_ends_with_it(serve):
    registry = serve()
    processes = registry.processes()
    registry.process.kill()
    registry.process.wait()
    deadline = time.monotonic() + 10
    while alive(processes):
        assert time.monotonic() < deadline, alive(processes)
        time.sleep(0.02)


def test_31_a_killed_one_leaves_no_key(serve, tmp_path):
    """The next start clears what it left, and nothing of one that runs, or that was not made by it."""
    killed = serve("--tls-self-signed", "--tls-dir", str(tmp_path / "tls"))
    places = tmp_path / "run"
    left, = places.iterdir()
    assert (left / "tls.key").exists()
    processes = killed.processes()
    killed.process.kill()
    killed.process.wait()
    wait_for(lambda: not alive(processes))
    assert (left / "tls.key").exists()
    others = [places / name for name in ("berth-abcdef", "berth-abcdefg", "other")]
    for other in others:
        other.mkdir()
        (other / "file").touch()
    of_somebody = places / "berth-foreig"
    shutil.copytree(left, of_somebody, ignore=shutil.ignore_patterns("sock", "ask"))
    os.chown(of_somebody, 33, 33)
    one = serve()
    assert not left.exists()
    assert of_somebody.exists() and all((other / "file").exists() for other in others)
    running, = set(places.iterdir()) - {*others, of_somebody}
    serve().stop()
    assert set(places.iterdir()) == {*others, of_somebody, running}
    expect(one.request("GET", "/v2/"), 200)
    one.stop()
    assert set(places.iterdir()) == {*others, of_somebody}


def test_31_each_address_of_a_name(serve, tmp_path):
    """localhost is two in /etc/hosts of most systems; some have one twice."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.1 box localhost\n::1 localhost ip6-localhost\n")
    inside = ["unshare", "--mount", "/bin/sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
    registry = serve("--tls-self-signed", "--tls-dir", str(tmp_path / "tls"), address="localhost", prefix=inside)
    assert f"https://localhost:{registry.port}/v2/" in registry.output()
    assert f"docker push localhost:{registry.port}/" in registry.output()
    for address in ("127.0.0.1", "[::1]"):
        done = subprocess.run(["curl", "-sS", "--cacert", tmp_path / "tls/ca.crt", f"https://{address}:{registry.port}/v2/"],
                              capture_output=True, text=True, timeout=20)
        assert done.stdout == "{}", (address, done)


def test_every_address_of_both_kinds(serve, tmp_path):
    registry = serve("--tls-self-signed", "--tls-dir", str(tmp_path / "tls"), address="*")
    assert f"https://0.0.0.0:{registry.port}/v2/" in registry.output()
    assert f"docker push localhost:{registry.port}/" in registry.output()
    for address in ("127.0.0.1", "[::1]"):
        done = subprocess.run(["curl", "-sS", "--cacert", tmp_path / "tls/ca.crt", f"https://{address}:{registry.port}/v2/"],
                              capture_output=True, text=True, timeout=20)
        assert done.stdout == "{}", (address, done)


def test_31_one_address_that_is_taken(tmp_path):
    """A client may come to either, so it does not serve at one alone."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        script = f"mount --bind {hosts} /etc/hosts && exec {BUILD}/berth serve --listen localhost:{port} --root {tmp_path}/store"
        done = subprocess.run(["unshare", "--mount", "/bin/sh", "-c", script], capture_output=True, text=True, timeout=20)
    assert done.returncode == 78
    assert f"listen on ::1 port {port}" in done.stderr and "in use" in done.stderr


def test_nowhere_to_write_while_it_runs():
    """As a container with a read-only root and no tmpfs has it."""
    script = """for place in /run /tmp; do mount --bind $place $place; mount -o remount,bind,ro $place; done
mount -t tmpfs tmpfs /media
exec "$0" serve --listen 127.0.0.1:0 --root /media/store"""
    environment = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    done = subprocess.run(["unshare", "--mount", "/bin/sh", "-ec", script, BUILD / "berth"], env=environment,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert "neither /run nor /tmp can be written: Read-only file system" in done.stderr and "--tmpfs /run" in done.stderr


def test_31_a_page_for_people(serve, tmp_path):
    """Of what is at this port, also where all else needs a login."""
    htpasswd = tmp_path / "users"
    htpasswd.write_text("alice:$2y$04$abcdefghijklmnopqrstuuXDLMu.vbR8DRmzyxKdzPHZsPRPJDuCa\n")
    for registry in (serve(), serve("--htpasswd", str(htpasswd))):
        page = expect(registry.request("GET", "/"), 200)
        assert page.headers["Content-Type"].startswith("text/html")
        for word in (b"registry", b"docker pull", b"/v2/"):
            assert word in page.body
        expect(registry.request("GET", "/other"), 404)
        assert registry.request("GET", "/v2/").headers["Content-Type"].startswith("application/json")


def test_27_says_once_why_no_worker_starts(tmp_path):
    """Which is a file that root can read, and the owner of the store cannot. It ends soon, and nobody waits in vain."""
    tmp_path.chmod(0o711)
    for parent in tmp_path.parents[:-2]:
        parent.chmod(parent.stat().st_mode | 0o111)
    place, users, conf, root = (tmp_path / name for name in ("programs", "users", "berth.conf", "store"))
    copy_programs(place)
    users.write_text("alice:x\n")
    users.chmod(0o600)
    conf.write_text(f'htpasswd = "{users}"\n')
    root.mkdir()
    os.chown(root, 33, 33)
    done = subprocess.run([place / "berth", "serve", "--listen", "127.0.0.1:0", "--root", root, "--config", conf],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 70, done
    assert done.stderr.count("error: ") == done.stderr.count("error: workers cannot start: ") == 1, done.stderr
    assert re.search(rf"error: workers cannot start: .*{users}.*: Permission denied", done.stderr)
    assert "the first request was answered with" in done.stderr.splitlines()[-1]
    assert f"user www-data cannot read it: as root: `chgrp www-data {users} && chmod g+r {users}`" in done.stderr


def cure_of(said):
    """The command that a message has in backquotes."""
    return re.search(r"`([^`]+)`", said)[1]


@pytest.fixture
def stranger(tmp_path):
    """Runs `berth serve` as www-data: until it serves, or what it says if it does not."""
    tmp_path.chmod(0o711)
    for parent in tmp_path.parents[:-2]:
        parent.chmod(parent.stat().st_mode | 0o111)
    place = copy_programs(tmp_path / "programs")

    def run(*args, prefix=()):
        with subprocess.Popen([*prefix, place / "berth", "serve", "--listen", "127.0.0.1:0", *args], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, user=33, group=33, extra_groups=[]) as process:
            serves = process.stdout.readline().startswith("Serving ")
            if serves:
                process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
        return 0 if serves else process.returncode, said

    return run


@pytest.mark.parametrize("file", ["users", "keys", "groups", "berth.conf", "closed"])
def test_27_what_cannot_be_read_and_the_command_that_cures_it(stranger, tmp_path, file):
    """Whichever file it is, and whatever is in the way. The command is run as it is printed."""
    conf, users, keys, closed = (tmp_path / name for name in ("berth.conf", "users", "keys", "closed"))
    root = tmp_path / "store"
    root.mkdir()
    os.chown(root, 33, 33)
    closed.mkdir()
    for path in (users, closed / "groups"):
        path.write_text("alice:$2y$04$abcdefghijklmnopqrstuuXDLMu.vbR8DRmzyxKdzPHZsPRPJDuCa\n" if path == users else "dev: alice\n")
        path.chmod(0o644)
    conf.write_text(f'root = "{root}"\nhtpasswd = "{users}"\ntoken_keys = "{keys}"\ngroups_file = "{closed}/groups"\n')
    subprocess.run([BUILD / "berth", "token", "init", "--config", conf, keys, "--group", "www-data"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert stranger("--config", conf)[0] == 0
    wrong = {"users": users, "keys": keys, "groups": closed / "groups", "berth.conf": conf, "closed": closed}[file]
    os.chown(wrong, 0, 0)
    wrong.chmod(0o700 if wrong.is_dir() else 0o600)
    code, said = stranger("--config", conf)
    assert code in (70, 78), said
    assert f"{wrong}: Permission denied: user www-data cannot read it: " in said or file == "closed", said
    assert said.count("user www-data cannot read it") == 1
    subprocess.run(cure_of(said), shell=True, check=True)
    assert stranger("--config", conf)[0] == 0


@pytest.mark.parametrize("what", ["made by root", "missing", "chown without -R"])
def test_30_a_store_that_cannot_be_written(stranger, tmp_path, what):
    root = tmp_path / "store"
    if what != "missing":
        (root / "docker/registry/v2/blobs/sha256").mkdir(parents=True)
        (root / "docker/registry/v2/repositories").mkdir()
    if what == "chown without -R":
        for path in (root, root / "docker", root / "docker/registry", root / "docker/registry/v2"):
            os.chown(path, 33, 33)
    if what == "made by root":
        root.chmod(0o750)
    code, said = stranger("--root", root)
    assert code == 74, said
    assert f"user www-data cannot write to {root}: " in said
    assert "or name another directory with root in berth.conf, or --root" in said
    if what != "missing":  # a command is run by somebody else: it may not be told to take the store from who serves it
        for verb in ("gc", "ls", "fsck"):
            done = subprocess.run([tmp_path / "programs/berth", verb, "--root", root], capture_output=True, text=True, user=1234,
                                  group=1234, extra_groups=[])
            assert (done.returncode, "chown" in done.stderr) == (74, False) or what == "chown without -R", done
            if done.returncode == 74:
                assert f"user 1234 may not do this in {root}: Permission denied: run it as root" in done.stderr
                assert (", or as its owner, www-data" in done.stderr) == (what == "chown without -R")
    subprocess.run(cure_of(said), shell=True, check=True)
    assert stranger("--root", root)[0] == 0




READ_ONLY = ["unshare", "--mount", "/bin/sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"']


@pytest.mark.parametrize("of", ["berth", "registry:2"])
def test_22_read_only_storage(serve, tmp_path, of):
    """With `readonly` it serves pulls, and says to pushes what is wrong; without, it says at the start what to do."""
    before = serve()
    image = oci.Repository(before, "team/app").push_image("v1")
    before.stop()
    if of == "registry:2":
        shutil.rmtree(before.root / "docker/registry/v2/_berth")
    conf = tmp_path / "readonly.conf"
    conf.write_text("readonly = true\n")
    inside = [*READ_ONLY, str(before.root)]
    done = subprocess.run([*inside, BUILD / "berth", "serve", "--listen", "127.0.0.1:0", "--root", before.root],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 74
    assert "Read-only file system" in done.stderr and "readonly = true" in done.stderr
    registry = serve("--config", str(conf), prefix=inside)
    repo = oci.Repository(registry, "team/app")
    assert expect(repo.get("manifests/v1"), 200).body == image.data
    for descriptor in image.document["layers"]:
        assert len(expect(repo.get(f"blobs/{descriptor['digest']}"), 200).body) == descriptor["size"]
        expect(repo.head(f"blobs/{descriptor['digest']}"), 200)
    expect(registry.request("GET", "/v2/other/manifests/v1"), 404)
    refused = registry.request("POST", "/v2/team/app/blobs/uploads/", body=b"")
    assert refused.status in (403, 405) and b"errors" in refused.body


def test_busy_port(serve):
    registry = serve()
    done = subprocess.run([BUILD / "berth", "serve", "--listen", f"127.0.0.1:{registry.port}", "--root", registry.root],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 78
    assert "in use" in done.stderr and "--listen" in done.stderr


def test_two_on_one_store(serve):
    first, second = serve(), serve()
    assert first.root == second.root
    image = oci.Repository(first, "shared").push_image("v1")
    assert expect(oci.Repository(second, "shared").get("manifests/v1"), 200).body == image.data


@pytest.mark.parametrize("listen", ["", "x", "127.0.0.1:65536", "127.0.0.1:5000x"])
def test_wrong_listen(tmp_path, listen):
    done = subprocess.run([BUILD / "berth", "serve", "--listen", listen, "--root", tmp_path], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 64, done
    assert "--listen" in done.stderr


def test_without_lighttpd(tmp_path):
    """It says what to install. (Debian's is hidden by a mount namespace of its own.)"""
    hidden = tmp_path / "empty"
    hidden.mkdir()
    script = f"mount --bind {hidden} /usr/sbin && {BUILD}/berth serve --root {tmp_path}/store"
    done = subprocess.run(["unshare", "-m", "/bin/sh", "-c", script],
                          capture_output=True, text=True, timeout=20, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 78, done
    assert "apt install lighttpd" in done.stderr


