# SPDX-License-Identifier: Apache-2.0
"""Every operation that changes a store, chains of them, and pairs of which the first is killed or goes on beside the second.
To add one is to add a line."""

import dataclasses
import json
import shutil
import tempfile
import time
from pathlib import Path

from tests.crash import base
from tests.crash.base import APP, NEW, OTHER, content
from tests.crash.steps import Command, Request, Scenario
from tests.fault import sample
from tests.lib import oci
from tests.lib.graph import Store

HOUR = 3600
BLOB, TWIN = content("pushed", 700), content("pushed too", 500)
IMPORTED = "new/image"  # as the layout of tests/fault/sample.py has it


def tag(name, tag, digest):
    return {("tag", name, tag): digest}


def has(kind, name, *contents):
    return {(kind, name, item.digest): True for item in contents}


def gone(kind, name, *contents):
    return {(kind, name, item.digest): None for item in contents}


def always(promises):
    return lambda before: promises


def kept(promises):
    """And who was told that it is there has the collector's grace to name it."""
    return lambda before: promises | {("fresh", *key): int(time.time()) - HOUR for kind, *key in promises if kind in ("blob", "manifest")}


# --- requests ---

def blob_steps(blob=BLOB, name=APP, chunks=1):
    """POST, PATCH, PUT, as docker does."""
    size = -(-len(blob.data) // chunks)
    pieces = [blob.data[at:at + size] for at in range(0, len(blob.data), size)]
    return (start(name), *(Request("patch", method="PATCH", target="{location}", body=piece, expected=(202,))
                           for piece in pieces), finish(blob, name, b""))


def start(name=APP):
    return Request("post", method="POST", target=f"/v2/{name}/blobs/uploads/", body=b"", expected=(202,))


def finish(blob=BLOB, name=APP, body=None):
    body = blob.data if body is None else body
    return Request("put", kept(has("blob", name, blob)), method="PUT", target="{location}?digest=" + blob.digest, body=body)


def whole(blob=BLOB, name=APP, digest=None, expected=(201,)):
    promises = has("blob", name, blob) if expected == (201,) else {}
    return Request("post whole", kept(promises), method="POST",
                   target=f"/v2/{name}/blobs/uploads/?digest={digest or blob.digest}", body=blob.data, expected=expected)


def refused(name=NEW):
    """Its digest is wrong."""
    return whole(BLOB, name, TWIN.digest, (400,))


def mount(blob=base.LAYER, name=OTHER, source=APP):
    return Request("mount", kept(has("blob", name, blob)), method="POST",
                   target=f"/v2/{name}/blobs/uploads/?mount={blob.digest}&from={source}", body=b"")


def put(manifest, reference=None, name=APP, tags=()):
    tags = tags or ((reference,) if reference else ())
    promises = has("manifest", name, manifest)
    for each in tags:
        promises |= tag(name, each, manifest.digest)
    query = "" if reference else "?" + "&".join(f"tag={each}" for each in tags)
    return Request(f"put {reference or 'digest'}", kept(promises), method="PUT",
                   target=f"/v2/{name}/manifests/{reference or manifest.digest}{query}",
                   headers=(("Content-Type", manifest.media_type),), body=manifest.data)


def delete_tag(tag, name=APP):
    return Request(f"delete {tag}", always({("tag", name, tag): None}), method="DELETE", target=f"/v2/{name}/manifests/{tag}",
                   expected=(202,))


def delete_manifest(manifest, name=APP, tags=()):
    promises = gone("manifest", name, manifest) | {("tag", name, each): None for each in tags}
    return Request("delete digest", always(promises), method="DELETE", target=f"/v2/{name}/manifests/{manifest.digest}",
                   expected=(202,))


def delete_blob(blob=base.SPARE, name=APP):
    return Request("delete blob", always(gone("blob", name, blob)), method="DELETE", target=f"/v2/{name}/blobs/{blob.digest}",
                   expected=(202,))


def cancel(name=APP):
    def promises(before):
        return {key: None for key in before if key[0] == "session" and key[1] == name}
    return Request("cancel", promises, method="DELETE", target="{location}", expected=(204,))


def head(what, item, name=APP):
    """By one who may push: what it says to be there stays for the grace."""
    return Request(f"head {what}", lambda before: {("fresh", name, item.digest): int(time.time()) - HOUR}, method="HEAD",
                   target=f"/v2/{name}/{what}/{item.digest}", expected=(200,))


# --- commands ---

def within(name):
    return lambda key: key[1] == name


def is_garbage(key):
    """What `gc --grace 0s` may take of the base, and of what is pushed here, as long as no tag is on it."""
    live = {item.digest for item in (base.FIRST, base.FIRST_CONFIG, base.SECOND, base.SECOND_CONFIG, base.DOOMED,
                                     base.DOOMED_CONFIG, base.SIGNED, base.SIGNED_CONFIG, base.NATIVE, base.NATIVE_CONFIG,
                                     base.LONG, base.INDEX, base.LAYER, base.SOLE, base.SOLE_CONFIG, base.ELSEWHERE)}
    live |= {item.digest for pair in base.CHILDREN for item in pair}
    if key[0] == "tag":
        return key[2] == base.DEAD_TAG
    return key[2] not in live


def command(*args, promises=None, **options):
    return Command(args[0], promises if callable(promises) else always(promises or {}), args=args, **options)


def gc(may_go=is_garbage):
    return command("gc", "--grace", "0s", may_go=may_go)


def remove_all(name):
    def promises(before):
        return {key: None for key in before if key[1] == name}
    return command("rm", "-r", name, promises=promises, may_go=within(name))


def copy(source=f"{APP}:multi", target=f"{NEW}:1", name=NEW):
    contents = (base.INDEX, *(child for child, _ in base.CHILDREN))
    return command("cp", source, target, promises=kept(tag(name, "1", base.INDEX.digest) | has("manifest", name, *contents) |
                                                       has("blob", name, base.LAYER)))


def imported() -> dict:
    """What is in the layout that is imported, which is always the same."""
    with tempfile.TemporaryDirectory() as directory:
        sample.write_layout(Path(directory))
        descriptor, = json.loads((Path(directory) / "index.json").read_text())["manifests"]
    return tag(IMPORTED, "1", descriptor["digest"]) | {("manifest", IMPORTED, descriptor["digest"]): True}


IMPORT = command("import", "{home}/layout", promises=kept(imported()))
RETAIN = command("retain", promises={("tag", APP, "doomed"): None, ("tag", APP, "doomed-too"): None}, may_go=is_garbage,
                 settings='retain "team/**" {\ntags = { "1", "m*", "n*", "sha256-*" }\n}')



DAMAGED = "damaged"  # what a repair cannot mend it puts into quarantine


def damage(store: Path):
    """What a repair can mend so that all is whole again, and a blob of nobody that it cannot."""
    repository = store / "docker/registry/v2/repositories" / APP
    shutil.rmtree(repository / "_layers" / base.LAYER.digest.replace(":", "/"))
    (repository / "_manifests/revisions" / base.FIRST.digest.replace(":", "/") / "link").write_text("")
    (repository / "_manifests/revisions" / base.SECOND.digest.replace(":", "/") / "link").unlink()
    shutil.rmtree(repository / "_manifests/tags/1/index")
    shutil.rmtree(repository / "_referrers")
    nobodys = Store(store).blob_path(BLOB.digest)
    nobodys.parent.mkdir(parents=True)
    nobodys.write_bytes(DAMAGED.encode())


REPAIR = command("fsck", "--repair", promises=has("manifest", APP, base.FIRST, base.SECOND, base.SIGNED, base.INDEX) |
                 has("blob", APP, base.LAYER) | {("bytes", APP, DAMAGED): True}, expected=(0, 1))


def other_bytes(content):
    """What is pushed again mends it."""
    return lambda store: Store(store).blob_path(content.digest).write_bytes(b"other")


OPERATIONS = [
    Scenario("blob", blob_steps()),
    Scenario("blob-chunks", blob_steps(chunks=3)),
    Scenario("blob-post-put", (start(), finish())),
    Scenario("blob-single-post", (whole(),)),
    Scenario("blob-sha512", (whole(content("long", algorithm="sha512")),)),
    Scenario("blob-again", (whole(base.LAYER),)),
    Scenario("blob-heals", (whole(base.LAYER),), damage=other_bytes(base.LAYER)),
    Scenario("blob-new-repository", blob_steps(name=NEW)),
    Scenario("blob-single-new-repository", (whole(name=NEW),)),
    Scenario("blob-refused", (refused(APP),)),
    Scenario("mount", (mount(),)),
    Scenario("mount-new-repository", (mount(name=NEW),)),
    Scenario("mount-again", (mount(base.LAYER, APP, OTHER),), before=(mount(),)),
    Scenario("manifest-new-tag", (put(base.NEXT, "new"),)),
    Scenario("manifest-moved-tag", (put(base.NEXT, "moved"),)),
    Scenario("manifest-same", (put(base.FIRST, "1"),)),
    Scenario("manifest-heals", (put(base.FIRST, "1"),), damage=other_bytes(base.FIRST)),
    Scenario("manifest-digest", (put(base.NEXT),)),
    Scenario("manifest-tags", (put(base.NEXT, tags=("a", "moved")),)),
    Scenario("manifest-subject", (put(base.NEXT_SIGNATURE),)),
    Scenario("manifest-index", (put(base.NEXT_INDEX, "both"),)),
    Scenario("manifest-sha512", (put(oci.Content(base.NEXT.data, base.NEXT.media_type, "sha512"), tags=("long",)),)),
    Scenario("delete-tag", (delete_tag("doomed"),)),
    Scenario("delete-manifest", (delete_manifest(base.DOOMED, tags=("doomed", "doomed-too")),)),
    Scenario("delete-referrer", (delete_manifest(base.SIGNED),)),
    Scenario("delete-blob", (delete_blob(),)),
    Scenario("cancel", (start(), cancel())),
    Scenario("cancel-old", (cancel(),), before=blob_steps()[:2]),
    Scenario("head-blob", (head("blobs", base.LAYER),)),
    Scenario("head-manifest", (head("manifests", base.FIRST),)),
    Scenario("cp", (copy(),)),
    Scenario("tag", (command("tag", f"{APP}:1", "new", promises=tag(APP, "new", base.FIRST.digest)),)),
    Scenario("rm-tag", (command("rm", f"{APP}:doomed", promises={("tag", APP, "doomed"): None}),)),
    Scenario("rm-manifest", (command("rm", f"{APP}@{base.DOOMED.digest}",
                                     promises=gone("manifest", APP, base.DOOMED) | {("tag", APP, "doomed"): None,
                                                                                    ("tag", APP, "doomed-too"): None}),)),
    Scenario("rm-repository", (remove_all(OTHER),)),
    Scenario("import", (IMPORT,)),
    Scenario("retain", (RETAIN,)),
    Scenario("expire", (command("expire", "--grace", "0s"),), before=blob_steps()[:2]),
    Scenario("gc", (gc(),)),
    Scenario("gc-grace", (command("gc", "--grace", "24h", may_go=is_garbage),)),
    Scenario("fsck-repair", (REPAIR,), damage=damage),
    Scenario("first-push", (whole(),), empty=True),
    Scenario("first-push-docker", blob_steps(), empty=True),
    Scenario("first-import", (IMPORT,), empty=True),
]

CONFIG = content("config of pushed", 64, oci.OCI_CONFIG)
IMAGE = oci.image(CONFIG.descriptor(), [BLOB.descriptor()])


def push_image(name=APP, reference="new"):
    return *blob_steps(BLOB, name), *blob_steps(CONFIG, name), put(IMAGE, reference, name)


def or_of(*items):
    """Garbage, or one of these."""
    return lambda key: is_garbage(key) or key[2] in {item.digest for item in items}


CHAINS = [
    Scenario("chain-push", push_image()),
    Scenario("chain-push-new", push_image(NEW)),
    Scenario("chain-push-first", push_image(NEW), empty=True),
    Scenario("chain-move-and-gc", (put(base.NEXT, "moved"), delete_tag("1"), gc(or_of(
        base.SECOND, base.SECOND_CONFIG, base.FIRST, base.FIRST_CONFIG, base.SIGNED, base.SIGNED_CONFIG)))),
    Scenario("chain-refused-mount", (refused(), mount(base.LAYER, NEW))),
    Scenario("chain-refused-cp", (refused(), copy())),
    Scenario("chain-refused-push", (refused(), whole(name=NEW))),
    Scenario("chain-cancel-push", (start(NEW), cancel(NEW), *blob_steps(name=NEW))),
    Scenario("chain-rm-push", (remove_all(OTHER), whole(BLOB, OTHER), mount(base.LAYER, OTHER))),
    Scenario("chain-delete-gc", (delete_manifest(base.DOOMED, tags=("doomed", "doomed-too")),
                                 gc(or_of(base.DOOMED, base.DOOMED_CONFIG)))),
    Scenario("chain-gc-push", (gc(), whole(base.DEAD_LAYER), put(base.NEXT_INDEX, "both"))),
    Scenario("chain-cp-rm-gc", (copy(f"{APP}:multi"), remove_all(OTHER), gc(lambda key: is_garbage(key) or key[1] == OTHER))),
    Scenario("chain-delete-blob-push", (delete_blob(), whole(base.SPARE), put(base.NEXT, "new"))),
    Scenario("chain-import-gc", (IMPORT, gc())),
    Scenario("chain-head-put", (whole(), head("blobs", BLOB), *blob_steps(CONFIG), put(IMAGE, "new"))),
]


@dataclasses.dataclass(frozen=True)
class Pair:
    """The second is done when the first was killed before one of its calls, or stands still there."""

    name: str
    first: object
    second: tuple  # steps
    before: tuple = ()
    empty: bool = False


SOLE_BLOB = oci.image(base.FIRST_CONFIG.descriptor(), [BLOB.descriptor()])
DOOMED_GONE = delete_manifest(base.DOOMED, tags=("doomed", "doomed-too"))
CHILD, _ = base.image_of("first", [base.LAYER, base.SPARE])
PARENT = oci.index([CHILD.descriptor()])

PAIRS = [
    Pair("post-post-new", whole(TWIN, NEW), (whole(BLOB, NEW),)),
    Pair("post-post-same", whole(), (whole(),)),
    Pair("post-manifest", whole(), (put(SOLE_BLOB, "new"),)),
    Pair("put-manifest", finish(), (put(SOLE_BLOB, "new"),), before=(start(),)),
    Pair("put-put", finish(), (finish(),), before=(start(),)),
    Pair("post-mount", whole(), (mount(BLOB, OTHER),)),
    Pair("refused-mount", refused(), (mount(base.LAYER, NEW),)),
    Pair("mount-mount", mount(), (mount(),)),
    Pair("mount-mount-new", mount(name=NEW), (mount(name=NEW),)),
    Pair("mount-manifest", mount(base.SPARE, OTHER), (put(oci.image(base.SOLE_CONFIG.descriptor(), [base.SPARE.descriptor()]),
                                                          "new", OTHER),)),
    Pair("manifest-manifest", put(base.NEXT, "new"), (put(base.NEXT, "new"),)),
    Pair("manifest-other-tag", put(base.NEXT, "new"), (put(base.NEXT, "newer"),)),
    Pair("manifest-moved", put(base.NEXT, "moved"), (put(base.NEXT, "moved"),)),
    Pair("manifest-then-index", put(CHILD), (put(PARENT, "both"),)),
    Pair("manifest-cp", put(base.NEXT, "new"), (command("cp", f"{APP}:new", f"{NEW}:1",
                                                        promises=tag(NEW, "1", base.NEXT.digest) | has("manifest", NEW, base.NEXT)),)),
    Pair("manifest-tag", put(base.NEXT, "new"), (command("tag", f"{APP}:new", "x", promises=tag(APP, "x", base.NEXT.digest)),)),
    Pair("subject-subject", put(base.NEXT_SIGNATURE), (put(base.NEXT_SIGNATURE),)),
    Pair("delete-tag-twice", delete_tag("doomed"), (delete_tag("doomed"),)),
    Pair("delete-twice", DOOMED_GONE, (DOOMED_GONE,)),
    Pair("delete-tag-delete", delete_tag("doomed"), (DOOMED_GONE,)),
    Pair("delete-blob-twice", delete_blob(), (delete_blob(),)),
    Pair("delete-referrer-twice", delete_manifest(base.SIGNED), (delete_manifest(base.SIGNED),)),
    Pair("delete-gc", DOOMED_GONE, (gc(or_of(base.DOOMED, base.DOOMED_CONFIG)),)),
    Pair("delete-put", DOOMED_GONE, (put(base.DOOMED, "doomed"),)),
    Pair("cancel-cancel", cancel(), (cancel(),), before=blob_steps()[:2]),
    Pair("rm-rm", remove_all(OTHER), (remove_all(OTHER),)),
    Pair("rm-push", remove_all(OTHER), (whole(BLOB, OTHER),)),
    Pair("rm-mount", remove_all(OTHER), (mount(),)),
    Pair("cp-cp", copy(), (copy(),)),
    Pair("import-import", IMPORT, (IMPORT,)),
    Pair("gc-gc", gc(), (gc(),)),
    Pair("gc-push", gc(), (whole(base.DEAD_LAYER), put(oci.image(base.FIRST_CONFIG.descriptor(), [base.DEAD_LAYER.descriptor()]), "new"))),
    Pair("gc-mount", gc(), (mount(base.SPARE, OTHER),)),
    Pair("retain-gc", RETAIN, (gc(or_of(base.DOOMED, base.DOOMED_CONFIG)),)),
    Pair("first-first", whole(TWIN), (whole(BLOB),), empty=True),
]
