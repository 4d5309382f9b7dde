# SPDX-License-Identifier: Apache-2.0
"""A store with one of everything, and faults to plant in it, each with the code by which fsck knows it."""

import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.lib import oci

APP, OTHER = "team/app", "other"
SIGNATURE = "application/vnd.test.signature"


class Full:
    """What was pushed, with every way in which content hangs together."""

    def __init__(self, front):
        self.front = front
        self.app, self.other = oci.Repository(front, APP), oci.Repository(front, OTHER)
        self.blobs, self.manifests = {}, {}  # (repository, digest) -> Content
        self.tags = {}  # (repository, tag) -> digest
        self.image = self.push_image(self.app, "v1")
        self.spare = self.push_image(self.app, "v2")
        self.native = self.push_image(self.app, "long", "sha512")
        self.children = [self.push_image(self.app) for _ in range(2)]
        self.index = self.push(self.app, oci.index([child.descriptor() for child in self.children]), "multi")
        self.nested = self.push(self.app, oci.index([self.index.descriptor(), self.native.descriptor()]), "nested")
        self.signature = self.push_image(self.app, None, subject=self.image.descriptor(), artifactType=SIGNATURE)
        self.fallback = self.push(self.app, oci.index([]), self.spare.digest.replace(":", "-"))
        self.elsewhere = self.push_image(self.other, "latest")
        self.upload = self.app.start_upload()
        self.app.send_chunk(self.upload, b"half", 0)

    def push_blob(self, repo, content):
        self.blobs[repo.name, content.digest] = repo.push_blob(content)
        return content

    def push(self, repo, content, tag=None):
        reference = f"{content.digest}?tag={tag}" if tag else None
        self.manifests[repo.name, content.digest] = repo.push_manifest(content, reference)
        if tag:
            self.tags[repo.name, tag] = content.digest
        return content

    def push_image(self, repo, tag=None, algorithm="sha256", **fields):
        config = self.push_blob(repo, oci.blob(64, oci.OCI_CONFIG, algorithm))
        layer = self.push_blob(repo, oci.blob(5000, oci.OCI_LAYER, algorithm))
        return self.push(repo, oci.image(config.descriptor(), [layer.descriptor()], algorithm, **fields), tag)

    def push_again(self):
        """As clients do: only what the registry says that it does not have."""
        for (name, digest), content in self.blobs.items():
            if oci.Repository(self.front, name).head(f"blobs/{digest}").status != 200:
                oci.Repository(self.front, name).push_blob(content)
        for (name, digest), content in self.manifests.items():
            tags = [tag for (owner, tag), target in self.tags.items() if (owner, target) == (name, digest)]
            query = "&".join(f"tag={tag}" for tag in tags)
            oci.Repository(self.front, name).push_manifest(content, f"{digest}?{query}" if tags else None)

    def pull(self) -> dict:
        """What can be pulled now, with its bytes."""
        wanted = {(name, f"blobs/{digest}"): content for (name, digest), content in self.blobs.items()}
        wanted |= {(name, f"manifests/{digest}"): content for (name, digest), content in self.manifests.items()}
        wanted |= {(name, f"manifests/{tag}"): self.manifests[name, digest] for (name, tag), digest in self.tags.items()}
        answers = {target: oci.Repository(self.front, target[0]).get(target[1]) for target in wanted}
        return {target: answer.body for target, answer in answers.items()
                if answer.status == 200 and answer.body == wanted[target].data}

    def complete(self) -> bool:
        return len(self.pull()) == len(self.blobs) + len(self.manifests) + len(self.tags)

    # --- where it lies ---

    @property
    def v2(self) -> Path:
        return Path(self.front.root) / "docker/registry/v2"

    def blob(self, digest) -> Path:
        algorithm, digits = digest.split(":")
        return self.v2 / "blobs" / algorithm / digits[:2] / digits / "data"

    def link(self, kind, digest) -> Path:
        return self.app.directory / kind / digest.replace(":", "/") / "link"

    def layer(self, digest) -> Path:
        return self.link("_layers", digest)

    def revision(self, digest) -> Path:
        return self.link("_manifests/revisions", digest)

    def tag(self, tag) -> Path:
        return self.app.directory / "_manifests/tags" / tag

    def entry(self) -> Path:
        subject, referrer = (c.digest.replace(":", "/") for c in (self.image, self.signature))
        return self.app.directory / "_referrers" / subject / referrer

    def layer_of(self, image) -> str:
        return image.document["layers"][0]["digest"]


@dataclass(frozen=True)
class Fault:
    code: str
    plant: object  # a function of a Full
    lost: bool = False  # content, so that it has to be pushed again
    own: bool = False  # of berth's directory, which the next request would put right, or fail


def flip(path: Path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path):
    path.write_bytes(path.read_bytes()[:-1])


def hide_behind_link(path: Path):
    """The content is somewhere else now, and a link points there."""
    aside = path.parents[len(path.parts) - path.parts.index("v2") - 2].parent / f"aside-{uuid.uuid4()}"
    path.rename(aside)
    path.symlink_to(aside)


def make_directory(path: Path):
    path.unlink()
    path.mkdir()


def make_file(path: Path):
    shutil.rmtree(path)
    path.write_text("")


def start_session(store, *files, old=True):
    session = store.app.directory / "_uploads" / str(uuid.uuid4())
    session.mkdir(mode=0o750)
    for name, text in files:
        (session / name).write_text(text)
        (session / name).chmod(0o640)
    if old:
        for path in (*session.iterdir(), session):
            os.utime(path, (time.time() - 10 ** 7,) * 2)


def misplace(store):
    data = store.blob(store.layer_of(store.image))
    digits = data.parent.name
    wrong = data.parents[2] / ("00" if digits[:2] != "00" else "01")
    wrong.mkdir(mode=0o750, exist_ok=True)
    data.parent.rename(wrong / digits)


def remove_child(store, content=False):
    child = store.children[0].digest
    if content:
        shutil.rmtree(store.blob(child).parent)
    shutil.rmtree(store.revision(child).parent)


def point_at_nothing(store):
    (store.tag("v2") / "current/link").write_text(oci.digest_of(b"nothing"))
    index = store.tag("v2") / "index" / oci.digest_of(b"nothing").replace(":", "/")
    index.mkdir(mode=0o750)
    (index / "link").write_text(oci.digest_of(b"nothing"))
    (index / "link").chmod(0o640)


def lose_manifests(store):
    shutil.rmtree(store.other.directory / "_manifests")
    os.utime(store.other.directory, (time.time() - 10 ** 7,) * 2)


def put(path: Path, text="x"):
    path.write_text(text)
    path.chmod(0o640)


def put_directory(path: Path):
    path.mkdir(mode=0o750, parents=True)


def started():
    return "startedat", "2020-01-01T00:00:00Z"


FAULTS = {
    "truncated blob": Fault("BLOB-SIZE", lambda s: cut(s.blob(s.layer_of(s.image))), lost=True),
    "empty blob": Fault("BLOB-SIZE", lambda s: s.blob(s.layer_of(s.image)).write_bytes(b""), lost=True),
    "flipped bit": Fault("BLOB-DIGEST", lambda s: flip(s.blob(s.layer_of(s.image))), lost=True),
    "flipped bit in a sha512": Fault("BLOB-DIGEST", lambda s: flip(s.blob(s.layer_of(s.native))), lost=True),
    "missing blob": Fault("BLOB-MISSING", lambda s: s.blob(s.layer_of(s.image)).unlink(), lost=True),
    "blob in a wrong shard": Fault("BLOB-PLACE", misplace),
    "directory that is no blob": Fault("BLOB-PLACE", lambda s: put_directory(s.v2 / "blobs/sha256/ab/rest")),
    "damaged manifest": Fault("MANIFEST-DIGEST", lambda s: flip(s.blob(s.spare.digest)), lost=True),
    "damaged referrer": Fault("MANIFEST-DIGEST", lambda s: flip(s.blob(s.signature.digest)), lost=True),
    "damaged fallback tag": Fault("TAG-DAMAGED", lambda s: put(
        s.tag(s.spare.digest.replace(":", "-")) / "current/link", "")),
    "damaged fallback index": Fault("MANIFEST-DIGEST", lambda s: flip(s.blob(s.fallback.digest)), lost=True),
    "manifest without blob": Fault("MANIFEST-MISSING", lambda s: s.blob(s.spare.digest).unlink(), lost=True),
    "index without child": Fault("INDEX-CHILD", lambda s: remove_child(s, content=True), lost=True),
    "unlinked child": Fault("REVISION-MISSING", remove_child),
    "missing revision link": Fault("REVISION-MISSING", lambda s: s.revision(s.image.digest).unlink()),
    "missing layer link": Fault("LAYER-MISSING", lambda s: shutil.rmtree(s.layer(s.layer_of(s.image)).parent)),
    "tag to nothing": Fault("TAG-DANGLING", point_at_nothing, lost=True),
    "empty tag": Fault("TAG-DAMAGED", lambda s: put(s.tag("v1") / "current/link", "")),
    "tag with a newline": Fault("TAG-DAMAGED", lambda s: put(s.tag("v1") / "current/link", s.image.digest + "\n")),
    "tag that holds no digest": Fault("TAG-DAMAGED", lambda s: put(s.tag("v1") / "current/link", "latest")),
    "tag without history": Fault("TAG-INDEX", lambda s: shutil.rmtree(s.tag("v1") / "index")),
    "name that is no tag": Fault("TAG-NAME", lambda s: put_directory(s.tag("-x") / "current")),
    "file among tags": Fault("TAG-NAME", lambda s: put(s.tag("notes"))),
    "empty layer link": Fault("LINK-EMPTY", lambda s: put(s.layer(s.layer_of(s.image)), "")),
    "empty revision link": Fault("LINK-EMPTY", lambda s: put(s.revision(s.image.digest), "")),
    "foreign link": Fault("LINK-FOREIGN", lambda s: put(s.revision(s.image.digest), s.spare.digest)),
    "link with a newline": Fault("LINK-FOREIGN", lambda s: put(s.layer(s.layer_of(s.image)),
                                                              s.layer_of(s.image) + "\n")),
    "missing referrer entry": Fault("REFERRER-MISSING", lambda s: s.entry().unlink()),
    "damaged referrer entry": Fault("REFERRER-DAMAGED", lambda s: put(s.entry(), "{")),
    "referrer of another subject": Fault("REFERRER-FOREIGN", lambda s: put(s.entry().with_name(
        s.spare.digest.removeprefix("sha256:")), "{}")),
    "missing _layers": Fault("REPOSITORY-LAYERS", lambda s: (s.app.directory / "_layers").rename(s.v2 / "aside")),
    "missing _manifests": Fault("REPOSITORY-MANIFESTS", lose_manifests, lost=True),
    "name that is no repository's": Fault("REPOSITORY-NAME", lambda s: put_directory(
        s.v2 / "repositories/UPPER/_manifests")),
    "session without data": Fault("UPLOAD-HALF", lambda s: start_session(s, started())),
    "session without start": Fault("UPLOAD-HALF", lambda s: start_session(s, ("data", "x"))),
    "session with a damaged state": Fault("UPLOAD-HALF", lambda s: start_session(
        s, started(), ("data", "x"), ("state", "user \nalgor"))),
    "session beyond its data": Fault("UPLOAD-HALF", lambda s: start_session(
        s, started(), ("data", "x"), ("state", "user \nalgorithm sha256\noffset 2\n"))),
    "file among sessions": Fault("UPLOAD-NAME", lambda s: put(s.app.directory / "_uploads/notes")),
    "stray _file": Fault("FOREIGN-UNDERSCORE", lambda s: put(s.v2 / "repositories/_catalog")),
    "stray _file in a repository": Fault("FOREIGN-UNDERSCORE", lambda s: put(s.app.directory / "_aaa")),
    "file among repositories": Fault("FOREIGN-FILE", lambda s: put(s.v2 / "repositories/team/README")),
    "file beside a blob": Fault("FOREIGN-FILE", lambda s: put(s.blob(s.image.digest).with_name("data.bak"))),
    "file among revisions": Fault("FOREIGN-FILE", lambda s: put(s.revision(s.image.digest).parents[1] / "x")),
    "directory that is no digest": Fault("FOREIGN-DIGEST", lambda s: put_directory(
        s.app.directory / "_layers/sha256/abc")),
    "link in place of a repository": Fault("SYMLINK", lambda s: hide_behind_link(s.other.directory), lost=True),
    "link in place of _layers": Fault("SYMLINK", lambda s: hide_behind_link(s.app.directory / "_layers")),
    "link in place of a blob": Fault("SYMLINK", lambda s: hide_behind_link(s.blob(s.layer_of(s.image))), lost=True),
    "link in place of a revision": Fault("SYMLINK", lambda s: hide_behind_link(s.revision(s.image.digest).parent)),
    "link in place of a tag's link": Fault("SYMLINK", lambda s: hide_behind_link(s.tag("v1") / "current/link")),
    "directory in place of a link": Fault("FILE-TYPE", lambda s: make_directory(s.layer(s.layer_of(s.image)))),
    "directory in place of a blob": Fault("FILE-TYPE", lambda s: make_directory(s.blob(s.layer_of(s.image))), lost=True),
    "file in place of _layers": Fault("FILE-TYPE", lambda s: make_file(s.app.directory / "_layers")),
    "file in place of a digest": Fault("FOREIGN-FILE", lambda s: put(s.v2 / "blobs/sha256/README")),
    "wrong mode of a blob": Fault("FILE-MODE", lambda s: s.blob(s.image.digest).chmod(0o600)),
    "wrong mode of a directory": Fault("FILE-MODE", lambda s: s.app.directory.chmod(0o700)),
    "wrong owner": Fault("FILE-OWNER", lambda s: os.chown(s.blob(s.image.digest), 33, 33)),
    "missing locks": Fault("OWN-DIRECTORY", lambda s: shutil.rmtree(s.v2 / "_berth/lock/repo"), own=True),
    "missing version": Fault("OWN-VERSION", lambda s: (s.v2 / "_berth/version").unlink(), own=True),
    "damaged version": Fault("OWN-VERSION", lambda s: put(s.v2 / "_berth/version", ""), own=True),
}
