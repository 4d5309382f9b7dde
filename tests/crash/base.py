# SPDX-License-Identifier: Apache-2.0
"""The store on which everything is tried: small, with something of everything, a month old; and what is pushed to it."""

import random
from pathlib import Path

from tests.fault.sample import age
from tests.lib import oci

APP, OTHER, NEW = "team/app", "other", "new/one"
SIGNATURE = "application/vnd.test.signature"


def content(label: str, size: int = 300, media_type: str = oci.OCI_LAYER, algorithm: str = "sha256") -> oci.Content:
    """Always the same, so that what a state was made of can be told again."""
    return oci.Content(random.Random(label).randbytes(size), media_type, algorithm)


def image_of(label: str, layers, algorithm: str = "sha256", **fields) -> tuple:
    """(manifest, config): an image with its own config."""
    config = content(f"config of {label}", 64, oci.OCI_CONFIG, algorithm)
    return oci.image(config.descriptor(), [layer.descriptor() for layer in layers], algorithm, **fields), config


LAYER = content("layer")
SPARE = content("a layer that no manifest needs")
ELSEWHERE = content("a layer of the other repository")
LONG = content("a layer", algorithm="sha512")
FIRST, FIRST_CONFIG = image_of("first", [LAYER])
SECOND, SECOND_CONFIG = image_of("second", [LAYER])
DOOMED, DOOMED_CONFIG = image_of("doomed", [LAYER])
NATIVE, NATIVE_CONFIG = image_of("native", [LONG], "sha512")
SIGNED, SIGNED_CONFIG = image_of("signature", [], subject=FIRST.descriptor(), artifactType=SIGNATURE)
CHILDREN = [image_of(f"child {number}", [LAYER]) for number in range(2)]
INDEX = oci.index([child.descriptor() for child, _ in CHILDREN])
# Garbage: an index and its children, a layer, and a signature by cosign's tag of what is garbage.
DEAD_LAYER = content("a layer of a dead image")
DEAD = [image_of(f"dead child {number}", [LAYER, DEAD_LAYER]) for number in range(2)]
DEAD_INDEX = oci.index([child.descriptor() for child, _ in DEAD])
DEAD_TAG = DEAD_INDEX.digest.replace(":", "-") + ".sig"
ATTACHED, ATTACHED_CONFIG = image_of("attached", [LAYER])
DEAD_REFERRER, DEAD_REFERRER_CONFIG = image_of("dead referrer", [], subject=DEAD[0][0].descriptor())
SOLE, SOLE_CONFIG = image_of("sole", [ELSEWHERE])

# What is pushed: manifests whose blobs are there already.
NEXT, _ = image_of("first", [LAYER, SPARE])
NEXT_SIGNATURE, _ = image_of("signature", [], subject=SECOND.descriptor(), artifactType=SIGNATURE)
NEXT_INDEX = oci.index([FIRST.descriptor(), SECOND.descriptor()])


def fill(front):
    """By requests, as clients do."""
    app, other = oci.Repository(front, APP), oci.Repository(front, OTHER)
    for blob in (LAYER, SPARE, LONG, DEAD_LAYER):
        app.push_blob(blob)
    for manifest, config, reference in (
            (FIRST, FIRST_CONFIG, "1"), (SECOND, SECOND_CONFIG, "moved"), (DOOMED, DOOMED_CONFIG, "doomed"),
            (DOOMED, DOOMED_CONFIG, "doomed-too"), (SIGNED, SIGNED_CONFIG, None),
            (NATIVE, NATIVE_CONFIG, f"{NATIVE.digest}?tag=native"),
            *((child, config, None) for child, config in CHILDREN + DEAD), (ATTACHED, ATTACHED_CONFIG, DEAD_TAG),
            (DEAD_REFERRER, DEAD_REFERRER_CONFIG, None)):
        app.push_blob(config)
        app.push_manifest(manifest, reference)
    app.push_manifest(INDEX, "multi")
    app.push_manifest(DEAD_INDEX)
    for blob in (ELSEWHERE, SOLE_CONFIG):
        other.push_blob(blob)
    other.push_manifest(SOLE, "1")


def make(front):
    fill(front)
    age(Path(front.root))
