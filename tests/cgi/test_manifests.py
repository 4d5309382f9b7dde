# SPDX-License-Identifier: Apache-2.0
"""Every kind of manifest through its whole life: pushed, listed, looked at, pulled, referred to, deleted."""

import pytest

from tests.lib import oci
from tests.lib.oci import expect, expect_error

ARTIFACT_TYPE = "application/vnd.example.artifact.v1"
PLATFORMS = ({"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm64"})


def push_empty(repo, algorithm):
    """The blob `{}`, the configuration of artifacts."""
    return repo.push_blob(oci.Content(b"{}", oci.OCI_EMPTY, algorithm)).descriptor()


def make_image(repo, algorithm="sha256", media_type=oci.OCI_LAYER, **fields):
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG, algorithm))
    layers = [repo.push_blob(oci.blob(128, media_type, algorithm)).descriptor() for _ in range(2)]
    return oci.image(config.descriptor(), layers, algorithm, **fields)


def make_artifact(repo, algorithm="sha256", **fields):
    layer = repo.push_blob(oci.blob(128, ARTIFACT_TYPE, algorithm))
    return oci.image(push_empty(repo, algorithm), [layer.descriptor()], algorithm, artifactType=ARTIFACT_TYPE, **fields)


def make_index(repo, algorithm="sha256", child=make_image, **fields):
    """The children, and the index of them."""
    children = [child(repo, algorithm) for _ in PLATFORMS]
    descriptors = [made.descriptor(platform=platform) for made, platform in zip(children, PLATFORMS)]
    return [*children, oci.index(descriptors, algorithm, **fields)]


def image(repo):
    return [make_image(repo)]


def image_uncompressed(repo):
    return [make_image(repo, media_type="application/vnd.oci.image.layer.v1.tar")]


def large_manifest(repo):
    """About 3.9 MB of annotations: clients may count on 4 MB."""
    return [make_image(repo, annotations={f"large-{i}": "A" * 10_000 for i in range(390)})]


def image_index(repo):
    return make_index(repo)


def nested_index(repo):
    first, second = make_index(repo), make_index(repo)
    return [*first, *second, oci.index([first[-1].descriptor(), second[-1].descriptor()])]


def empty_index(repo):
    repo.push_image()  # so that the repository exists
    return [oci.index([])]


def artifact(repo):
    return [make_artifact(repo)]


def artifact_index(repo):
    return make_index(repo, child=make_artifact, artifactType=ARTIFACT_TYPE)


def artifact_without_layers(repo):
    return [oci.image(push_empty(repo, "sha256"), [push_empty(repo, "sha256")], artifactType=ARTIFACT_TYPE)]


def artifacts_with_subject(repo):
    subject = make_image(repo)
    referrers = [make_image(repo, subject=subject.descriptor())]
    for i in range(2):
        referrers.append(make_artifact(repo, subject=subject.descriptor(), annotations={"org.example.number": str(i)}))
    return [subject, *referrers]


def index_with_subject(repo):
    subjects = make_index(repo)
    return [*subjects, *make_index(repo, child=make_artifact, artifactType=ARTIFACT_TYPE,
                                   subject=subjects[-1].descriptor(), annotations={"org.example.number": "1"})]


def missing_subject(repo):
    return [make_artifact(repo, subject=oci.image({}, []).descriptor(), annotations={"org.example.number": "1"})]


def data_field(repo):
    config = repo.push_blob(oci.Content(b"{}", oci.OCI_CONFIG))
    layer = repo.push_blob(oci.Content(b"layer", oci.OCI_LAYER))
    return [oci.image(config.descriptor(data="e30="), [layer.descriptor(data="bGF5ZXI=")])]


def non_distributable_layers(repo):
    """Layers that are elsewhere, where `urls` says, beside one that is here."""
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    foreign = [oci.blob(64, f"application/vnd.oci.image.layer.nondistributable.v1.{kind}")
               for kind in ("tar+gzip", "tar")]
    layers = [layer.descriptor(urls=[f"https://layers.example.com/{layer.digest}"]) for layer in foreign]
    return [oci.image(config.descriptor(), [*layers, repo.push_blob(oci.blob(64, oci.OCI_LAYER)).descriptor()])]


def custom_fields(repo):
    children = [make_image(repo, **{"org.example.custom": {"a": [1, 2.5, None, True]}}) for _ in PLATFORMS]
    return [*children, oci.index([child.descriptor() for child in children], **{"org.example.custom": "value"})]


def no_layers(repo):
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    return [oci.image(config.descriptor(), [])]


def sha512(repo):
    return make_index(repo, "sha512")


def docker(repo):
    """Docker schema 2 and a manifest list."""
    config = repo.push_blob(oci.blob(64, oci.DOCKER_CONFIG))
    layer = repo.push_blob(oci.blob(64, oci.DOCKER_LAYER))
    child = oci.image(config.descriptor(), [layer.descriptor()], mediaType=oci.DOCKER_MANIFEST)
    return [child, oci.index([child.descriptor(platform=PLATFORMS[0])], mediaType=oci.DOCKER_LIST)]


KINDS = [image, image_uncompressed, large_manifest, image_index, nested_index, empty_index, artifact, artifact_index,
         artifact_without_layers, artifacts_with_subject, index_with_subject, missing_subject, data_field,
         non_distributable_layers, custom_fields, no_layers, sha512, docker]


def push(repo, manifest, reference):
    response = expect(repo.put_manifest(manifest, reference), 201)
    assert response.headers["Location"] == f"/v2/{repo.name}/manifests/{manifest.digest}"
    assert response.headers["Docker-Content-Digest"] == manifest.digest
    subject = manifest.document.get("subject")
    assert response.headers["OCI-Subject"] == (subject["digest"] if subject else None)


def look_at(repo, manifest, reference):
    for method, body in (("HEAD", b""), ("GET", manifest.data)):
        response = expect(repo.request(method, f"manifests/{reference}"), 200)
        assert response.body == body
        assert response.headers["Content-Length"] == str(len(manifest.data))
        assert response.headers["Content-Type"] == manifest.media_type
        assert response.headers["Docker-Content-Digest"] == manifest.digest


def referrer_of(manifest):
    """How the referrers list shows it."""
    document = manifest.document
    artifact_type = document.get("artifactType") or document.get("config", {}).get("mediaType")
    optional = {"artifactType": artifact_type, "annotations": document.get("annotations")}
    return manifest.descriptor(**{key: value for key, value in optional.items() if value})


def expect_referrers(repo, manifests):
    expected = {}
    for manifest in manifests:
        if "subject" in manifest.document:
            expected.setdefault(manifest.document["subject"]["digest"], []).append(referrer_of(manifest))
    for subject, descriptors in expected.items():
        listed = repo.referrers(subject)
        assert sorted(listed, key=lambda d: d["digest"]) == sorted(descriptors, key=lambda d: d["digest"])


def delete(repo, path):
    expect(repo.delete(path), 202)
    expect(repo.head(path), 404)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_life_of_a_manifest(repo, kind):
    """3b.8 to 3b.12, 3a.6: push by digest and by tag, list, HEAD, GET, referrers; then delete tags, manifests from the
    index down to its children, blobs. After each deletion a HEAD answers 404 at once."""
    manifests = kind(repo)
    top = manifests[-1]
    for manifest in manifests[:-1]:
        push(repo, manifest, manifest.digest)
    push(repo, top, f"{top.digest}?tag=v1&tag=v2")
    assert repo.tags() == ["v1", "v2"]
    for manifest in manifests:
        look_at(repo, manifest, manifest.digest)
    look_at(repo, top, "v1")
    expect_referrers(repo, manifests)

    delete(repo, "manifests/v1")
    look_at(repo, top, "v2")
    delete(repo, "manifests/v2")
    look_at(repo, top, top.digest)
    for manifest in reversed(manifests):
        delete(repo, f"manifests/{manifest.digest}")
    for digest in set(blobs_of(manifests)):
        delete(repo, f"blobs/{digest}")


def blobs_of(manifests):
    """The digests of the blobs that the manifests name and that are here."""
    for manifest in manifests:
        document = manifest.document
        for descriptor in [document.get("config"), *document.get("layers", [])]:
            if descriptor and "urls" not in descriptor:
                yield descriptor["digest"]


@pytest.mark.parametrize("missing", ["config", "layer", "child", "manifest-of-another-repository"])
def test_incomplete_manifest(repo, other_repo, missing):
    """What a manifest names must be in its repository, except its subject and layers with `urls`."""
    present = repo.push_blob(oci.blob()).descriptor()
    absent = oci.blob().descriptor()
    elsewhere = other_repo.push_image().descriptor()
    manifest = {
        "config": oci.image(absent, [present]),
        "layer": oci.image(present, [present, absent]),
        "child": oci.index([repo.push_image().descriptor(), absent]),
        "manifest-of-another-repository": oci.index([elsewhere]),
    }[missing]
    expect_error(repo.put_manifest(manifest, "latest"), 400, "MANIFEST_BLOB_UNKNOWN")
    expect(repo.head("manifests/latest"), 404)
    expect(repo.head(f"manifests/{manifest.digest}"), 404)
