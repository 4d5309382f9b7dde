# SPDX-License-Identifier: Apache-2.0
"""`berth import` of what is damaged or means harm, and where it is interrupted: the store stays as it was."""

import gzip
import io
import json
import os
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from tests.lib import measure, oci
from tests.lib.archives import Layout, docker25, docker_archive, image, member, sha, write_directory, write_tar
from tests.lib.clients import run
from tests.lib.oci import expect
from tests.lib.paths import BUILD

DATA, NO_INPUT, IO_ERROR = 65, 66, 74


@pytest.fixture
def archive(tmp_path):
    return lambda files, **options: write_tar(tmp_path / "archive.tar", files, **options)


@pytest.fixture
def refused(front, berth):
    """Imports what must fail with a text, and leave no image."""
    def refuse(text, *args, status=DATA):
        said = berth("import", *args, status=status)
        assert text in said, said
        assert "Traceback" not in said
        assert expect(front.request("GET", "/v2/_catalog"), 200).json() == {"repositories": []}
        store = front.root / "docker/registry/v2"
        assert not list(store.glob("_berth/tmp/*"))
        assert not list(store.glob("repositories/**/_uploads/*"))
        return said
    return refuse


def changed(files, name, data):
    return {**files, name: data}


def layer_of(files):
    return next(name for name in files if name.endswith("layer.tar"))


def test_no_archive(refused, tmp_path):
    path = tmp_path / "file"
    for content in b"", b"\0" * 10240, os.urandom(5000), b"text\n" * 1000:
        path.write_bytes(content)
        refused(str(path), path)
    refused("No such file", tmp_path / "nothing", status=NO_INPUT)
    (tmp_path / "empty").mkdir()
    refused("there is no image", tmp_path / "empty")


def test_archive_of_something_else(refused, archive):
    refused("there is no image", archive({"etc/passwd": b"root", "README": b"x"}))
    refused("docker before 1.10", archive({"repositories": b"{}", "abc/json": b"{}"}))


def test_cut_off(refused, tmp_path, archive):
    whole = archive(docker_archive(image("a:1", size=200_000))).read_bytes()
    path, packed = tmp_path / "cut.tar", gzip.compress(whole)
    for length in 100, 600, 50_000, len(whole) // 2, len(whole) * 3 // 4:
        path.write_bytes(whole[:length])
        refused("cut.tar", path)
        (tmp_path / "cut.tar.gz").write_bytes(packed[:length * len(packed) // len(whole)])
        refused("cut.tar.gz", tmp_path / "cut.tar.gz")


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a\nb", "x\x1b[31m"])
def test_names_that_leave_the_archive(refused, archive, tmp_path, name):
    files = list(docker_archive(image("a:1")).items())
    said = refused("absolute, has \"..\"", archive([*files, (name, b"x")]))
    assert "\x1b" not in said
    assert not (tmp_path.parent / "x").exists()


def test_links(refused, archive):
    files = docker_archive(image("a:1"))
    path = layer_of(files)
    refused("is a link out of the archive", archive(changed(files, path, ("/etc/passwd",))))
    refused("is a link out of the archive", archive(changed(files, path, ("../../../etc/passwd",))))
    refused("round in circles", archive(changed(files, path, ("layer.tar",))))
    refused("round in circles", archive({**files, path: ("../b",), "b": ("c",), "c": (path,)}))
    refused(": 1 layer\n", archive(changed(files, path, ("../nothing",))))


def test_links_in_a_directory_are_not_followed(refused, tmp_path):
    files = docker_archive(image("a:1"))
    path = layer_of(files)
    directory = write_directory(tmp_path / "saved", files)
    (tmp_path / "secret").write_bytes(files[path])
    (directory / path).unlink()
    (directory / path).symlink_to(tmp_path / "secret")
    refused(Path(path).name, directory, status=IO_ERROR)


def test_twice(refused, archive):
    files = docker_archive(image("a:1"))
    again = "manifest.json", files["manifest.json"]
    refused("manifest.json is in the archive twice", archive([*files.items(), again]))
    refused("twice", archive([*files.items(), ("./manifest.json", b"[]")]))


@pytest.mark.parametrize("text", [
    b"", b"[", b"[1]", b"[{}]", b"nonsense", b'[{"Config":1}]', b'[{"Config":"x","Layers":"y"}]',
    b'[{"Config":"x","Layers":[1]}]', b'[{"Config":"x","RepoTags":{},"Layers":[]}]', b'[{"Config":"a\\u0000"}]',
    b'[{"Config":"\\u001b[31m","Layers":[]}]', b"[" * 100_000, b"[" + b"{}," * 400_000 + b"{}]"],
    ids=range(13))
def test_manifest_json(refused, archive, text):
    refused("", archive(changed(docker_archive(image("a:1")), "manifest.json", text)))


def test_gigantic_manifest_json(refused, archive):
    refused("more than", archive(changed(docker_archive(image("a:1")), "manifest.json", b"[" + b" " * (33 << 20))))


@pytest.mark.parametrize("paths", [["../../etc/passwd"], ["/etc/passwd"], ["nothing", "there"]])
def test_layers_that_are_not_there(refused, archive, paths):
    files = docker_archive(image("a:1", layers=len(paths)))
    listing = json.loads(files["manifest.json"])
    listing[0]["Layers"] = paths
    refused("", archive(changed(files, "manifest.json", json.dumps(listing).encode())))


def test_wrong_number_of_layers(refused, archive):
    files = docker_archive(image("a:1"))
    listing = json.loads(files["manifest.json"])
    listing[0]["Layers"].pop()
    refused("1 layers for", archive(changed(files, "manifest.json", json.dumps(listing).encode())))


def test_layer_is_another(refused, archive):
    files = docker_archive(image("a:1"))
    path = layer_of(files)
    damaged = bytearray(files[path])
    damaged[3000] ^= 1
    for data in bytes(damaged), gzip.compress(bytes(damaged)):
        said = refused("is damaged", archive(changed(files, path, data)))
        assert path[:40] in said


def test_layer_is_no_tar(refused, archive):
    for content in b"x" * 5000, b"", b"\x7fELF" + os.urandom(4000):
        original = image("a:1")
        original.layers[1] = content
        for compress in "gzip", "zstd", "none":
            refused("it is no tar file", "--compress", compress, archive(docker_archive(original)))


def test_compressed_layer_is_damaged(refused, archive):
    files = docker_archive(image("a:1"))
    path = layer_of(files)
    packed = gzip.compress(files[path])
    refused("gzip", archive(changed(files, path, packed[:-6])))
    refused("gzip", archive(changed(files, path, packed[:-20] + b"\0" * 12 + packed[-8:])))
    refused("gzip", archive(changed(files, path, packed + b"rubbish behind it")))


def test_configuration_is_another(refused, archive):
    original = image("a:1")
    files = docker_archive(original)
    name = f"{sha(original.config)}.json"
    refused("is damaged", archive(changed(files, name, original.config + b" ")))
    del files[name]
    refused("which is not there", archive(files))


@pytest.mark.parametrize("which", ["layer", "config", "manifest", "size"])
def test_layout_is_damaged(refused, archive, which):
    layout = Layout()
    top = layout.list(layout.image(), ref="1")
    files = layout.all()
    digest = {"layer": top.document["layers"][0]["digest"], "config": top.document["config"]["digest"],
              "manifest": top.digest, "size": top.document["layers"][1]["digest"]}[which]
    path = f"blobs/sha256/{digest[7:]}"
    files[path] = files[path] + b"x" if which == "size" else b"{" + files[path][1:-1] + b"]"
    said = refused("", "--as", "a", archive(files))
    assert path in said


def test_index_that_nests_without_end(refused, archive):
    layout = Layout()
    content = layout.image()
    for _ in range(40):
        content = layout.manifest(oci.index([content.descriptor()]))
    layout.list(content, ref="1")
    refused("nested too deeply", "--as", "a", archive(layout.all()))


def test_docker_25_is_damaged(refused, archive):
    files = docker25(image("a:1"))
    listing = json.loads(files["manifest.json"])
    path = listing[0]["Layers"][0]
    refused("is damaged", archive(changed(files, path, files[path][:-1] + b"x")))


def test_declared_size_is_huge(refused, tmp_path):
    path = tmp_path / "huge.tar"
    info = tarfile.TarInfo("manifest.json")
    info.size = 1 << 60
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024)
    refused("is cut off", path)


def test_sparse_member(refused, tmp_path):
    (tmp_path / "manifest.json").write_bytes(b"")
    os.truncate(tmp_path / "manifest.json", 1 << 30)
    run("tar", "-cSf", tmp_path / "sparse.tar", "-C", tmp_path, "manifest.json")
    refused("is sparse", tmp_path / "sparse.tar")


def test_bomb_takes_no_memory(berth, front, tmp_path):
    """Ten gigabytes of zeros that claim to be a layer, in thirty thousand bytes of zstd and more of gzip."""
    original = image("a:1")
    files = docker_archive(original)
    bomb = tmp_path / "bomb.zst"
    subprocess.run(f"head -c 2000000000 /dev/zero | zstd -q -o {bomb}", shell=True, check=True)
    path = write_tar(tmp_path / "bomb.tar", changed(files, layer_of(files), bomb.read_bytes()))
    done = subprocess.run(["/usr/bin/python3", "-c", PEAK, BUILD / "berth", "import", path, "--root", berth.root],
                          capture_output=True, text=True)
    assert done.returncode == DATA, done
    assert "is damaged" in done.stderr
    assert int(done.stdout) < 64 << 10


# Runs a command and prints its peak of memory, in KiB.
PEAK = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def assert_refused_in_little_memory(text, berth, path):
    """Nothing stays, and it takes less than 64 MiB."""
    done = subprocess.run(["/usr/bin/python3", "-c", PEAK, BUILD / "berth", "import", "--as", "a:1", path, "--root",
                           berth.root], capture_output=True, text=True)
    assert done.returncode == DATA, done
    assert text in done.stderr
    assert int(done.stdout) < 64 << 10
    assert not list(Path(berth.root).glob("docker/registry/v2/_berth/tmp/*"))


@pytest.mark.parametrize("packers", ["gzip -1 | gzip", "zstd -q | gzip", "gzip -1 | xz"])
def test_9_packed_twice(berth, front, tmp_path, packers):
    """A few hundred bytes, of which each kilobyte unpacks to a gigabyte."""
    bomb = tmp_path / "bomb.tar.gz"
    subprocess.run(f"head -c 200000000 /dev/zero | {packers} > {bomb}", shell=True, check=True)
    assert_refused_in_little_memory("compressed more than once", berth, bomb)


def test_9_unpacks_to_far_more(berth, front, tmp_path):
    bomb = tmp_path / "bomb.tar.zst"
    subprocess.run(f"head -c 300000000 /dev/zero | zstd -q -o {bomb}", shell=True, check=True)
    assert_refused_in_little_memory("unpack to more than", berth, bomb)


@pytest.mark.parametrize(("name", "text"), [
    ("manifest.json", b"[" + b"{}," * (5 << 20) + b"{}]"), ("manifest.json", b"[[" + b"0," * (7 << 20) + b"0]]"),
    ("index.json", b'{"manifests":[' + b"{}," * (5 << 20) + b"{}]}"),
    ("index.json", b'{"manifests":[' + b"[]," * (5 << 20) + b"{}]}"),
    ("index.json", b'{"manifests":[{"a":[' + b"0," * (7 << 20) + b"0]}]}")], ids=range(5))
def test_9_many_parts_of_json(berth, front, archive, name, text):
    assert_refused_in_little_memory(name, berth, archive({"oci-layout": b"{}", name: text}))


def test_9_long_names(berth, front, tmp_path):
    with tarfile.open(tmp_path / "names.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        for number in range(50_000):
            tar.addfile(tarfile.TarInfo(f"{number:06}/" + "x" * 900))
    assert_refused_in_little_memory("so many members that their list takes more than", berth, tmp_path / "names.tar")


def test_9_a_map_of_a_sparse_file(berth, front, tmp_path):
    """Four bytes of it are a part, for which libarchive takes memory before anybody sees the member."""
    parts = 5_000_000
    info, content = member("a", b"%d\n" % parts + b"0\n0\n" * parts)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a", "GNU.sparse.realsize": "1"}
    path = tmp_path / "sparse.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(content))
    assert_refused_in_little_memory("a header is too long", berth, path)


def test_9_many_names_of_an_image(berth, front, archive):
    """Each is looked at once, not beside all others."""
    def cpu(number):
        manifest = [{"Config": "c.json", "RepoTags": [f"a/b:{tag}" for tag in range(number)], "Layers": ["l"]}]
        config = json.dumps({"rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(b"no tar")]}})
        path = archive({"manifest.json": json.dumps(manifest).encode(), "c.json": config.encode(), "l": b"no tar"})
        return measure.run([BUILD / "berth", "import", path, "--root", berth.root], status=DATA).cpu
    assert cpu(80_000) < 8 * (cpu(20_000) + 0.05)


def test_9_many_blobs_have_short_names(berth, front, tmp_path):
    """As an export of a large store has them: 32 bytes each, where the names are 77 long."""
    layout = Layout()
    top = layout.list(layout.image(), ref="1")
    path = write_tar(tmp_path / "blobs.tar", layout.all())
    block = io.BytesIO()
    for number in range(200_000):
        block.write(tarfile.TarInfo(f"blobs/sha256/{number:064x}").tobuf(tarfile.USTAR_FORMAT))
    with open(path, "r+b") as out:
        out.seek(-10240, os.SEEK_END)
        rest = out.read().rstrip(b"\0")
        out.seek(-10240 + -(-len(rest) // 512) * 512, os.SEEK_END)
        out.write(block.getvalue() + b"\0" * 1024)
    done = subprocess.run(["/usr/bin/python3", "-c", PEAK, BUILD / "berth", "import", "--as", "a", path, "--root", berth.root],
                          capture_output=True, text=True)
    assert done.returncode == 0, done
    assert int(done.stdout) < 48 << 10
    assert expect(oci.Repository(front, "a").get("manifests/1"), 200).body == top.data


def test_9_an_export_writes_what_an_import_reads(berth, front, archive, tmp_path):
    """One limit for both, whichever comes first."""
    entry = {"mediaType": oci.OCI_MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1}
    index = {"schemaVersion": 2, "manifests": [entry] * 20_000}
    target = tmp_path / "layout"
    write_directory(target, {"oci-layout": b"{}", "index.json": json.dumps(index).encode()})
    image = oci.Repository(front).push_image("v1")
    refusal = berth("export", "--all", "-o", target, status=64)
    assert "index.json would have 20001 entries, and an import takes 20000" in refusal
    index["manifests"].pop()
    write_directory(target, {"index.json": json.dumps(index).encode()})
    berth("export", "--all", "-o", target)
    entries = json.loads((target / "index.json").read_bytes())["manifests"]
    assert (len(entries), entries[-1]["digest"]) == (20_000, image.digest)
    index["manifests"] = [entry] * 20_001
    assert "more than 20000 entries" in berth("import", "--as", "a", archive({"index.json": json.dumps(index).encode()}),
                                              status=DATA)
    wide = {**entry, "annotations": {"a": "x" * 1000}}
    write_directory(target, {"index.json": json.dumps({"manifests": [wide] * 16_000}).encode()})
    assert "bytes, and an import takes 16777216" in berth("export", "--all", "-o", target, status=64)


@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_memory(berth, tmp_path, compress):
    path = write_tar(tmp_path / "large.tar", docker_archive(image("a:1", layers=1, size=100_000_000)))
    done = subprocess.run(["/usr/bin/python3", "-c", PEAK, BUILD / "berth", "import", path, "--root", berth.root,
                           "--jobs", "2", "--compress", compress], capture_output=True, text=True)
    assert done.returncode == 0, done
    assert int(done.stdout) < 2 * 64 << 10


def tags(front):
    response = front.request("GET", "/v2/a/tags/list")
    return response.json()["tags"] if response.status == 200 else None


@pytest.mark.parametrize("piped", [False, True])
def test_killed_at_any_moment(front, berth, archive, piped):
    """Either the image is there, whole, or it is not. The next run then makes it whole."""
    original = image("a:1", layers=3, size=6_000_000)
    path = archive(docker_archive(original))
    started = time.monotonic()
    berth("import", path, "--as", "b:1")
    duration = time.monotonic() - started
    for step in range(8):
        with open(path, "rb") as stream:
            feeder = subprocess.Popen(["cat"], stdin=stream, stdout=subprocess.PIPE)
            process = subprocess.Popen([BUILD / "berth", "import", "-" if piped else path, "--root", berth.root],
                                       stdin=feeder.stdout, stdout=subprocess.DEVNULL)
            feeder.stdout.close()
            time.sleep(duration * (step + 0.5) / 8)
            process.send_signal(signal.SIGKILL if step % 2 else signal.SIGINT)
            process.wait()
            feeder.wait()
        assert not list(front.root.glob("docker/registry/v2/_berth/tmp/*.tar"))
        if tags(front):
            break
    whole = tags(front)
    assert whole in (None, [], ["1"])
    berth("import", path)
    repo = oci.Repository(front, "a")
    document = expect(repo.get("manifests/1"), 200).json()
    for entry in [document["config"], *document["layers"]]:
        assert oci.digest_of(expect(repo.get(f"blobs/{entry['digest']}"), 200).body) == entry["digest"]


@pytest.mark.parametrize("piped", [False, True])
def test_disk_is_full(archive, tmp_path, piped):
    root = tmp_path / "small"
    root.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=3m", "berth-small", root)
    try:
        path = archive(docker_archive(image("a:1", size=8_000_000)))
        command = f"cat {path} | {BUILD}/berth import - --root {root}" if piped else \
            f"{BUILD}/berth import {path} --root {root}"
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        assert (done.returncode, "no space is left in the store" in done.stderr) == (IO_ERROR, True), done
        store = root / "docker/registry/v2"
        assert not list(store.glob("repositories/*/_uploads/*"))
        assert not list(store.glob("_berth/tmp/*"))
        assert not list(store.glob("repositories/a/_manifests/*"))
        small = write_tar(tmp_path / "small.tar", docker_archive(image("b:1")))
        subprocess.run([BUILD / "berth", "import", small, "--root", root], check=True)
    finally:
        run("umount", root)


def test_fifo(berth, front, tmp_path, archive):
    path, fifo = archive(docker_archive(image("a:1"))), tmp_path / "fifo"
    os.mkfifo(fifo)
    feeder = subprocess.Popen(["sh", "-c", f"cat {path} > {fifo}"])
    berth("import", fifo)
    assert feeder.wait() == 0
    assert tags(front) == ["1"]


def test_members_without_end(refused, tmp_path):
    """Names are short of memory before the archive is short of names."""
    path = tmp_path / "many.tar"
    info, _ = member("x" * 90, b"")
    with gzip.open(path, "wb", compresslevel=1) as out:
        block = io.BytesIO()
        for number in range(20_000):
            info.name = f"{number:05}" + "x" * 80
            block.write(info.tobuf(tarfile.USTAR_FORMAT))
        out.write(block.getvalue() + b"\0" * 1024)
    refused("there is no image", path)
