#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/bench/bench_import.py [MEGABYTES] [DIRECTORY]: `berth import` of a docker save tar, and in turns with it
`skopeo copy docker-archive:` of the same file to `berth serve`; then `berth export` of that image, and `skopeo copy` of it from
`berth serve` to a docker-archive. Prints seconds, their ratio and the peak of memory."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.admin.conftest import Serve  # noqa: E402
from tests.bench.figures import Figure, keep  # noqa: E402
from tests.lib.archives import sha, write_tar  # noqa: E402
from tests.lib.clients import Containers, run  # noqa: E402
from tests.lib.paths import BUILD  # noqa: E402

ROUNDS = 3
LAYERS = 4
SOURCES = ("/usr/lib", "/usr/bin", "/usr/share", "/usr/sbin", "/usr/libexec", "/usr/include")  # programs, text, data


def files_of_this_system():
    """Its files, over and over, but never in the same order of bytes: each round's begin elsewhere."""
    skip = 0
    while True:
        for source in SOURCES:
            for directory, _, names in os.walk(source):
                for name in sorted(names):
                    path = Path(directory, name)
                    if path.is_file() and not path.is_symlink():
                        yield str(path), path.read_bytes()[skip:]
        skip += 1


def make_layer(path: Path, size: int, files):
    with tarfile.open(path, "w") as tar:
        while tar.offset < size:
            name, data = next(files)
            info = tarfile.TarInfo(name.lstrip("/"))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def digest_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_archive(home: Path, megabytes: int) -> Path:
    files = files_of_this_system()
    layers = [make_layer(home / f"layer{number}.tar", (megabytes << 20) // LAYERS, files) for number in range(LAYERS)]
    names = {layer: digest_of(layer) for layer in layers}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
        "type": "layers", "diff_ids": [f"sha256:{name}" for name in names.values()]}}).encode()
    listing = [{"Config": f"{sha(config)}.json", "RepoTags": ["bench/import:1"],
                "Layers": [f"{name}/layer.tar" for name in names.values()]}]
    archive = write_tar(home / "saved.tar", {f"{sha(config)}.json": config,
                                             "manifest.json": json.dumps(listing).encode()})
    with tarfile.open(archive, "a") as tar:
        for layer, name in names.items():
            tar.add(layer, f"{name}/layer.tar")
            layer.unlink()
    return archive


def size_of(store: Path) -> int:
    return sum(path.stat().st_size for path in (store / "docker/registry/v2/blobs").rglob("data"))


# Runs a command and prints its peak of memory, in KiB. It is small itself: that of who starts a command counts, too.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


IMAGE = "bench/import:1"


def export_by_berth(home: Path, server) -> float:
    target = home / "exported.tar"
    started = time.monotonic()
    subprocess.run([BUILD / "berth", "export", "--quiet", IMAGE, "--output", target, "--root", server.root],
                   stdout=subprocess.DEVNULL, check=True)
    seconds = time.monotonic() - started
    target.unlink()
    return seconds


def export_by_skopeo(home: Path, server, tools: Containers) -> float:
    target = home / "exported.tar"
    started = time.monotonic()
    run("skopeo", "copy", "--src-tls-verify=false", f"docker://127.0.0.1:{server.port}/{IMAGE}", f"docker-archive:{target}:{IMAGE}",
        env=tools.skopeo_env, timeout=3600)
    seconds = time.monotonic() - started
    target.unlink()
    return seconds


def exports(home: Path, archive: Path, tools: Containers) -> dict[str, list[float]]:
    taken = {"berth": [], "skopeo": []}
    with tempfile.TemporaryDirectory(dir=home) as place, Serve(Path(place)) as server:
        subprocess.run([BUILD / "berth", "import", "--quiet", archive, "--root", server.root], stdout=subprocess.DEVNULL, check=True)
        for _ in range(ROUNDS):
            taken["berth"].append(export_by_berth(home, server))
            taken["skopeo"].append(export_by_skopeo(home, server, tools))
    return taken


def by_berth(home: Path, archive: Path) -> tuple[float, int, int]:
    store = home / "imported"
    started = time.monotonic()
    done = subprocess.run(["/usr/bin/python3", "-c", PEAK, BUILD / "berth", "import", archive, "--root", store],
                          stdout=subprocess.PIPE, text=True, check=True)
    seconds, size = time.monotonic() - started, size_of(store)
    shutil.rmtree(store)
    return seconds, size, int(done.stdout)


def by_skopeo(home: Path, archive: Path, tools: Containers) -> tuple[float, int]:
    with tempfile.TemporaryDirectory(dir=home) as place, Serve(Path(place)) as server:
        started = time.monotonic()
        run("skopeo", "copy", "--dest-tls-verify=false", f"docker-archive:{archive}",
            f"docker://127.0.0.1:{server.port}/{IMAGE}", env=tools.skopeo_env, timeout=3600)
        return time.monotonic() - started, size_of(server.root)


def main(megabytes: int, place: str | None) -> int:
    with tempfile.TemporaryDirectory(prefix="berth-bench-", dir=place) as directory:
        home = Path(directory)
        archive = make_archive(home, megabytes)
        archive_size = archive.stat().st_size
        ours, theirs = [], []
        with contextlib.closing(Containers(home / "containers")) as tools:
            for _ in range(ROUNDS):
                ours.append(by_berth(home, archive))
                theirs.append(by_skopeo(home, archive, tools))
            exported = exports(home, archive, tools)
    seconds = [statistics.median(one[0] for one in runs) for runs in (ours, theirs)]
    print(f"import of {archive_size >> 20} MiB of docker save, median of {ROUNDS}, {os.cpu_count()} processors")
    print(f"  berth import                  {seconds[0]:6.1f} s  {ours[0][1] >> 20} MiB stored, at most "
          f"{max(one[2] for one in ours) >> 10} MiB of memory")
    print(f"  skopeo copy to berth serve    {seconds[1]:6.1f} s  {theirs[0][1] >> 20} MiB stored")
    print(f"  ratio                         {seconds[1] / seconds[0]:6.1f}  (at least 1 wanted)")
    keep(Figure("import", f"import of a docker save tar of {archive_size >> 20} MiB", "s", False,
                {"berth": [one[0] for one in ours], "skopeo": [one[0] for one in theirs]}))
    keep(Figure("import", "export of it to a tar", "s", False, exported))
    return 0 if seconds[0] <= seconds[1] else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2048, sys.argv[2] if len(sys.argv) > 2 else None))
