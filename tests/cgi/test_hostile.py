# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody sends in good faith. Each gets the right answer, leaves the store as it was, and leaves a worker
that answers the next request."""

import json
from typing import NamedTuple

import pytest

from tests.lib import oci
from tests.lib.oci import expect
from tests.lib.stores import assert_unchanged

HEX = "0123456789abcdef" * 4
UPLOAD = "0123abcd-0000-4000-8000-0000abcdef00"


class Case(NamedTuple):
    """A request, berth's answer to it, and what a web server may answer instead, on its own or since it has made a
    harmless path of the target. {name} is a repository with the manifest `latest`."""

    method: str
    target: str
    status: int
    code: str
    server: tuple = ()
    body: bytes = None
    headers: dict = {}


def check(repo, manifest, case):
    front = repo.front
    response = front.request(case.method, case.target.format(name=repo.name), case.headers, case.body)
    behind_server = front.name != "cgi"
    expect(response, case.status, *(case.server if behind_server else ()))
    # Some servers do not pass some escapes on, but have the same status for them.
    if case.method != "HEAD" and not (behind_server and (case.server or "%" in case.target)):
        assert oci.error_code(response) == case.code, case
    assert "X-Injected" not in response.headers
    # A server that normalised the path may have found what it then names, and nothing else.
    assert response.status != 200 or "/manifests/" not in case.target or response.body == manifest.data, case
    assert expect(repo.get("manifests/latest"), 200).body == manifest.data


# Each is one path component.
DIGESTS = ["sha256:", "sha256:x", f"sha256:{HEX[:-1]}", f"sha256:{HEX}0", f"sha256:{HEX.upper()}", f"SHA256:{HEX}",
           f"sha256:{HEX[:-1]}g", f"sha512:{HEX}", f"sha256:{HEX}{HEX}", f"sha1:{HEX[:40]}", f"md5:{HEX[:32]}",
           f"sha256+b64u:{HEX}", f"sha256::{HEX}", f":{HEX}", f"sha256:{HEX}:", f"sha256:-{HEX[:-1]}", "sha256:..",
           f"sha256%3A{HEX[:-1]}", f"sha256:%20{HEX[:-1]}", f"sha256:{HEX[:-1]}%0A", f"sha256:{HEX[:-1]}%ff",
           "sha256:" + "0" * 2000, f"sha256:{'0x' * 32}", "sha256:*", f"sha256:{HEX[:-2]}%250"]


def digest_cases(digest):
    server = (403, 404, 414) if len(digest) > 1000 else ()  # Apache looks for a file, whose name is then too long
    for method, path in (("GET", "blobs"), ("HEAD", "blobs"), ("DELETE", "blobs"), ("GET", "manifests"),
                         ("DELETE", "manifests"), ("GET", "referrers")):
        yield Case(method, f"/v2/{{name}}/{path}/{digest}", 400, "DIGEST_INVALID", server)
    yield Case("PUT", f"/v2/{{name}}/manifests/{digest}", 400, "DIGEST_INVALID", server, body=b"{}")
    yield Case("POST", f"/v2/{{name}}/blobs/uploads/?digest={digest}", 400, "DIGEST_INVALID", body=b"x")
    yield Case("POST", f"/v2/{{name}}/blobs/uploads/?mount={digest}&from={{name}}", 400, "DIGEST_INVALID", body=b"")


# What climbs or splits a path. Servers resolve `..` and `//`, decode `%2F` or refuse it, and refuse NUL: their answer
# is that to the path which remains.
CLIMBING_DIGESTS = ["sha256:../../x", "sha256:..%2F..%2Fx", f"sha256:%2e%2e/{HEX}", f"..%2Fsha256:{HEX}",
                    f"{HEX[:2]}/{HEX}", "sha256:" + "..%2f" * 20 + "etc%2Fpasswd"]


def climbing_cases(digest):
    for path in ("blobs", "manifests", "referrers"):
        for method in ("GET", "DELETE"):
            yield Case(method, f"/v2/{{name}}/{path}/{digest}", 404, "NAME_UNKNOWN", (400, 403, 405))


# In a query berth decodes; a NUL would hide what is behind it.
QUERY_DIGESTS = {"sha256:../../x": "DIGEST_INVALID", "": "DIGEST_INVALID", "%2e%2e%2f": "DIGEST_INVALID",
                 HEX: "DIGEST_INVALID",
                 "sha256:" + "%00" * 64: "UNSUPPORTED", f"sha256:{HEX}%00": "UNSUPPORTED", "sha256:%": "UNSUPPORTED"}
MOUNT_SOURCES = {"../x": "NAME_INVALID", "..%2Fx": "NAME_INVALID", "%2e%2e": "NAME_INVALID", "/": "NAME_INVALID",
                 "A": "NAME_INVALID", "a//b": "NAME_INVALID", "x" * 256: "NAME_INVALID", "_layers": "NAME_INVALID",
                 "{name}%00x": "UNSUPPORTED"}
QUERIES = {"%00=1": "UNSUPPORTED", "last=%00": "UNSUPPORTED", "n=%": "UNSUPPORTED",
           "n=%00": "UNSUPPORTED",            "n=1%0d%0aX-Injected:%201": "PAGINATION_NUMBER_INVALID"}


def query_cases():
    for digest, code in QUERY_DIGESTS.items():
        for key in ("digest", "mount"):
            yield Case("POST", f"/v2/{{name}}/blobs/uploads/?{key}={digest}", 400, code, body=b"x")
    for name, code in MOUNT_SOURCES.items():
        yield Case("POST", f"/v2/{{name}}/blobs/uploads/?mount=sha256:{HEX}&from={name}", 400, code, body=b"")
    for query, code in QUERIES.items():
        yield Case("GET", f"/v2/{{name}}/tags/list?{query}", 400, code)
    # lighttpd makes `%25zz` of it.
    yield Case("GET", "/v2/{name}/tags/list?last=%zz", 400, "UNSUPPORTED", (200,))


OUTSIDE = (403, 404, 405)  # what a server answers about paths that are not berth's
# Names, and what a web server may answer: 200 where it makes {name} of it.
NAMES = {
    # Climbing out, or only appearing to.
    "../{name}": OUTSIDE, "..": OUTSIDE, "{name}/..": (404,), ".": (404,), "...": (), "{name}/.": (200,),
    "./{name}": (200,), "x/../{name}": (200,), "x/%2e%2e/{name}": (200,), "%2e%2e/{name}": OUTSIDE,
    "x%2F..%2F{name}": (200, 404), "x%2F%2E%2E%2F{name}": (200, 404), "..%2f{name}": OUTSIDE,
    "%2e%2e%2f%2e%2e%2f{name}": OUTSIDE, "..;/{name}": (404,), "..%5c{name}": (404,),
    # Empty components.
    "/{name}": (200,), "{name}/": (200,), "x//{name}": (404,), "%2F{name}": (200, 404), "{name}%2F": (200, 404),
    "///{name}": (200,),
    # Encoded twice: decoded once, and `%` is in no name.
    "%252e%252e": (404,), "x%252F{name}": (404,), "%25": (),
    # What a decoder might take for a dot, a slash or the end.
    "%c0%ae%c0%ae": (), "%c0%af{name}": (), "%ef%bc%8e%ef%bc%8e": (), "{name}%0d%0aX-Injected:%201": (404,),
    "{name}%0a": (404,), "{name}%0ab": (404,), "{name}%7f": (), "{name}%20": (403, 404), "{name};x": (),
    "{name}%3Fx": (403, 404), "{name}%23x": (404,),
    # Too long, within a component and altogether.
    "x" * 256: (), "x/" * 128 + "x": (), "y" * 3000: (403,),
    # The store's own directories.
    "_berth": (), "{name}/_layers": (), "{name}/_manifests/tags": (), "{name}/_uploads": (),
    "{name}/_manifests/revisions/sha256": (),
}


def name_cases(name):
    server = NAMES[name]
    yield Case("GET", f"/v2/{name}/manifests/latest", 400, "NAME_INVALID", server)
    # The one does not find a 200 elsewhere, since these are not there.
    elsewhere = (*server, 404) if 200 in server else server
    yield Case("GET", f"/v2/{name}/manifests/absent", 400, "NAME_INVALID", elsewhere)
    yield Case("PUT", f"/v2/{name}/manifests/latest", 400, "NAME_INVALID", elsewhere, body=b"no manifest")
    yield Case("DELETE", f"/v2/{name}/manifests/absent", 400, "NAME_INVALID", elsewhere)


def path_cases():
    yield Case("GET", "//v2/{name}/manifests/latest", 404, "NAME_UNKNOWN", (200,))
    yield Case("GET", "/v2/{name}//manifests/latest/", 404, "NAME_UNKNOWN", (200, 400))
    yield Case("GET", "/v2/{name}/manifests//latest", 404, "NAME_UNKNOWN", (200,))
    yield Case("GET", "/v2/{name}/manifests/./latest", 404, "NAME_UNKNOWN", (200,))
    yield Case("GET", "/v2/{name}/manifests/x/../latest", 404, "NAME_UNKNOWN", (200,))
    yield Case("GET", "/v2/../v2/{name}/manifests/latest", 400, "NAME_INVALID", (200, 404))
    yield Case("GET", "/V2/{name}/manifests/latest", 404, "NAME_UNKNOWN", (403,))
    yield Case("GET", "/v2x/{name}/manifests/latest", 404, "NAME_UNKNOWN", (403,))
    yield Case("GET", "/v2/{name}/manifests/latest%2Fx", 404, "NAME_UNKNOWN", (400,))
    yield Case("GET", "/v2/{name}/manifests/late%0d%0aX-Injected=1", 404, "MANIFEST_UNKNOWN", (400,))
    yield Case("GET", "/v2/{name}/manifests/%2e%2e", 404, "MANIFEST_UNKNOWN", (400, 403))
    yield Case("GET", "/v2/{name}/blobs/uploads/%2e%2e", 404, "BLOB_UPLOAD_UNKNOWN", (400, 403, 405))
    for upload in ("x", UPLOAD[:-1], UPLOAD + "0", UPLOAD.replace("-", "_"), UPLOAD.upper(), "x" * 3000):
        for method, body in (("GET", None), ("PATCH", b"x"), ("DELETE", None)):
            server = (403,) if len(upload) > 1000 else ()
            yield Case(method, f"/v2/{{name}}/blobs/uploads/{upload}", 404, "BLOB_UPLOAD_UNKNOWN", server, body)


def header_cases():
    tags = "&".join(f"tag=t{i}" for i in range(129))
    yield Case("PUT", f"/v2/{{name}}/manifests/sha256:{HEX}?{tags}", 414, "UNSUPPORTED", body=b"{}")
    for value in ('"', '"unfinished', "," * 1000, "'x'", "sha256"):
        yield Case("DELETE", "/v2/{name}/manifests/latest", 412, "DENIED", headers={"If-Match": value})


GROUPS = {
    **{f"digest {digest[:80]}": [*digest_cases(digest)] for digest in DIGESTS},
    **{f"digest {digest[:80]}": [*climbing_cases(digest)] for digest in CLIMBING_DIGESTS},
    **{f"name {name[:80]}": [*name_cases(name)] for name in NAMES},
    "queries": [*query_cases()],
    "paths": [*path_cases()],
    "headers": [*header_cases()],
}


@pytest.mark.parametrize("cases", GROUPS.values(), ids=GROUPS.keys())
def test_hostile_request(repo, cases):
    manifest = repo.push_image("latest")
    with assert_unchanged(repo.front.root):
        for case in cases:
            check(repo, manifest, case)


def nested(brackets):
    return brackets[0] * 100_000 + brackets[1] * 100_000


CONFIG = {"mediaType": oci.OCI_CONFIG, "digest": "{config}", "size": 2}
IMAGE = {"schemaVersion": 2, "mediaType": oci.OCI_MANIFEST, "config": CONFIG, "layers": []}
INDEX = {"schemaVersion": 2, "mediaType": oci.OCI_INDEX, "manifests": []}


def config_with(**fields):
    return {**IMAGE, "config": {**CONFIG, **fields}}


def layer_with(**fields):
    return {**IMAGE, "layers": [{"mediaType": oci.OCI_LAYER, "digest": "{config}", "size": 2, **fields}]}


def without(document, key):
    return {k: v for k, v in document.items() if k != key}


# Documents as Python values or as text; {config} stands for the digest of a blob that is there.
NO_MANIFESTS = {
    "nothing": "",
    "blank": " ",
    "no-json": "this is no JSON",
    "html": "<html></html>",
    "half": '{{"schemaVersion": 2, "config": ',
    "array": [],
    "null": None,
    "text": "\"text\"",
    "number": 2,
    "empty-object": {},
    "two-documents": json.dumps(INDEX) * 2,
    "rest": json.dumps(INDEX) + "x",
    "rest-after-nul": json.dumps(INDEX) + "\0",
    "nul-before": "\0" + json.dumps(INDEX),
    "nul-in-key": json.dumps({**INDEX, "a\0b": 1}).replace("\\u0000", "\0"),
    "byte-order-mark": "\ufeff" + json.dumps(INDEX),
    "utf-16": json.dumps(INDEX).encode("utf-16"),
    "no-utf-8": json.dumps(INDEX).encode().replace(b"2", b'2, "a": "\xff\xfe"', 1),
    "overlong-utf-8": json.dumps(INDEX).encode().replace(b"2", b'2, "a": "\xc0\xaf"', 1),
    "comment": "/* */" + json.dumps(INDEX),
    "single-quotes": "{'schemaVersion': 2, 'manifests': []}",
    "trailing-comma": '{"schemaVersion": 2, "manifests": [],}',
    "nan": '{"schemaVersion": 2, "manifests": [], "a": NaN}',
    "control-character": '{"schemaVersion": 2, "manifests": [], "a": "\n"}',
    "nested-arrays": nested("[]"),
    "nested-objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "nested-within": json.dumps({**INDEX, "x": 0}).replace('"x": 0', '"x": ' + nested("[]")),
    "nested-open": "[" * 100_000,
    "no-version": without(INDEX, "schemaVersion"),
    "version-1": {**INDEX, "schemaVersion": 1},
    "version-text": {**INDEX, "schemaVersion": "2"},
    "version-huge": {**INDEX, "schemaVersion": 2**64 + 2},
    "version-fraction": {**INDEX, "schemaVersion": 2.5},
    "manifests-and-layers": {"schemaVersion": 2, "manifests": [], "layers": []},
    "manifests-and-config": {"schemaVersion": 2, "manifests": [], "config": CONFIG},
    "index-with-layers": {**INDEX, "layers": []},
    "image-with-manifests": {**IMAGE, "manifests": []},
    "index-type-on-an-image": {**IMAGE, "mediaType": oci.OCI_INDEX},
    "image-type-on-an-index": {**INDEX, "mediaType": oci.OCI_MANIFEST},
    "docker-image-type-on-an-index": {**INDEX, "mediaType": oci.DOCKER_MANIFEST},
    "list-type-on-an-image": {**IMAGE, "mediaType": oci.DOCKER_LIST},
    "type-is-no-type": {**INDEX, "mediaType": "nonsense"},
    "type-injects": {**INDEX, "mediaType": "text/html\r\nX-Injected: 1"},
    "type-is-a-number": {**INDEX, "mediaType": 1},
    "manifests-no-list": {**INDEX, "manifests": {}},
    "manifests-of-text": {**INDEX, "manifests": ["sha256:" + HEX]},
    "layers-no-list": {**IMAGE, "layers": "x"},
    "layers-of-null": {**IMAGE, "layers": [None]},
    "config-no-object": {**IMAGE, "config": "x"},
    "config-list": {**IMAGE, "config": [CONFIG]},
    "no-digest": {**IMAGE, "config": without(CONFIG, "digest")},
    "digest-climbs": config_with(digest="sha256:../../../etc/passwd"),
    "digest-upper-case": config_with(digest=f"sha256:{HEX.upper()}"),
    "digest-short": layer_with(digest=f"sha256:{HEX[:-1]}"),
    "digest-nul": layer_with(digest=f"sha256:{HEX}\0"),
    "digest-number": layer_with(digest=1),
    "digest-unknown-algorithm": layer_with(digest=f"blake3:{HEX}"),
    "size-negative": config_with(size=-1),
    "size-missing": {**IMAGE, "config": without(CONFIG, "size")},
    "size-text": config_with(size="2"),
    "size-fraction": layer_with(size=2.5),
    "size-exponent": json.dumps(config_with(size=0)).replace('"size": 0', '"size": 1e3'),
    "size-2-to-63": config_with(size=2**63),
    "size-2-to-64": layer_with(size=2**64 + 2),
    "size-null": layer_with(size=None),
    "annotations-list": {**INDEX, "annotations": []},
    "annotations-of-numbers": {**INDEX, "annotations": {"a": 1}},
    "artifact-type-number": {**INDEX, "artifactType": 1},
    "subject-text": {**INDEX, "subject": f"sha256:{HEX}"},
    "subject-digest": {**INDEX, "subject": {"mediaType": oci.OCI_MANIFEST, "digest": "sha256:../x", "size": 2}},
    "subject-size": {**INDEX, "subject": {"mediaType": oci.OCI_MANIFEST, "digest": f"sha256:{HEX}", "size": -2}},
    "key-twice": '{"schemaVersion": 2, "schemaVersion": 2, "manifests": []}',
    "key-twice-escaped": '{"schemaVersion": 2, "manifests": [], "\\u006danifests": [1]}',
    "key-twice-within": json.dumps(IMAGE).replace('"size": 2', '"size": 2, "size": 3'),
}


def encode(document, config):
    if isinstance(document, bytes):
        return document
    text = document if isinstance(document, str) else json.dumps(document)
    return text.replace("{config}", config).encode()


def expect_refused_manifest(repo, body, status, code, content_type="", digest=None):
    """Neither by tag nor by digest."""
    with assert_unchanged(repo.front.root):
        for reference in ("latest", digest or oci.digest_of(body)):
            response = repo.request("PUT", f"manifests/{reference}", {"Content-Type": content_type}, body)
            oci.expect_error(response, status, code)
        for reference in ("latest", oci.digest_of(body)):
            expect(repo.head(f"manifests/{reference}"), 404)
        expect(repo.front.request("GET", "/v2/"), 200)
    return response


@pytest.mark.parametrize("document", NO_MANIFESTS.values(), ids=NO_MANIFESTS.keys())
def test_no_manifest(repo, document):
    config = repo.push_blob(oci.Content(b"{}")).digest
    expect_refused_manifest(repo, encode(document, config), 400, "MANIFEST_INVALID")


@pytest.mark.parametrize("document, content_type", [
    (IMAGE, oci.OCI_INDEX), (IMAGE, oci.DOCKER_MANIFEST), (INDEX, oci.OCI_MANIFEST), (INDEX, oci.DOCKER_LIST),
    (INDEX, "text/plain"), (IMAGE, "x" * 1000), (without(IMAGE, "mediaType"), oci.OCI_INDEX),
    (without(INDEX, "mediaType"), oci.OCI_MANIFEST), (without(INDEX, "mediaType"), oci.DOCKER_MANIFEST),
])
def test_type_contradicts_content_type(repo, document, content_type):
    config = repo.push_blob(oci.Content(b"{}")).digest
    expect_refused_manifest(repo, encode(document, config), 400, "MANIFEST_INVALID", content_type)


def test_huge_manifest(repo):
    """413 that names the limit, whether the length is announced or not."""
    config = repo.push_blob(oci.Content(b"{}"))
    manifest = oci.image(config.descriptor(), [], annotations={"a": "x" * 20_000_000})
    response = expect_refused_manifest(repo, manifest.data, 413, "MANIFEST_INVALID", manifest.media_type)
    assert "4194304" in response.json()["errors"][0]["message"]
    pieces = (manifest.data[i : i + 1_000_000] for i in range(0, len(manifest.data), 1_000_000))
    with assert_unchanged(repo.front.root):
        expect(repo.request("PUT", "manifests/latest", {"Content-Type": manifest.media_type}, pieces), 413)
        expect(repo.head("manifests/latest"), 404)


@pytest.mark.parametrize("size, status", [(4194304, 201), (4194305, 413)])
def test_largest_manifest(repo, size, status):
    """The limit is 4 MiB, not one byte less."""
    config = repo.push_blob(oci.Content(b"{}"))
    manifest = oci.image(config.descriptor(), [])
    padded = oci.Content(manifest.data + b" " * (size - len(manifest.data)), manifest.media_type)
    expect(repo.put_manifest(padded, "latest"), status)


def test_deepest_manifest(repo):
    """What one may reasonably nest is taken."""
    repo.push_manifest(oci.index([], **{"org.example.deep": json.loads("[" * 50 + "]" * 50)}), "latest")


def test_compressed_manifest(repo):
    """Nothing decompresses a request; so it is no JSON."""
    repo.push_image()
    body = b"\x1f\x8b\x08" + bytes(100)
    headers = {"Content-Type": oci.OCI_INDEX, "Content-Encoding": "gzip"}
    with assert_unchanged(repo.front.root):
        oci.expect_error(repo.request("PUT", "manifests/latest", headers, body), 400, "MANIFEST_INVALID")


def test_manifest_with_many_missing_layers(repo):
    """It is refused at the first, and says which."""
    present = repo.push_blob(oci.Content(b"{}")).descriptor()
    layers = [oci.Content(str(i).encode()).descriptor() for i in range(5000)]
    manifest = oci.image(present, layers)
    response = expect_refused_manifest(repo, manifest.data, 400, "MANIFEST_BLOB_UNKNOWN", manifest.media_type)
    assert layers[0]["digest"] in response.json()["errors"][0]["message"]


def test_thousand_ranges(repo):
    """Overlapping ranges do not multiply the answer."""
    blob = repo.push_blob(oci.blob(10_000))
    ranges = ",".join(["0-9999"] * 500)
    with assert_unchanged(repo.front.root):
        response = expect(repo.get(f"blobs/{blob.digest}", {"Range": f"bytes={ranges}"}), 200, 206, 416)
        assert len(response.body) <= 2 * len(blob.data)
        assert expect(repo.get(f"blobs/{blob.digest}"), 200).body == blob.data


def test_query_of_unknown_parameters(repo):
    """They mean nothing."""
    manifest = repo.push_image("latest")
    query = "&".join(f"a{i}=%41" for i in range(200))
    assert expect(repo.get(f"manifests/latest?{query}&&=&x&ns=docker.io"), 200).body == manifest.data
