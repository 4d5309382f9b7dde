# SPDX-License-Identifier: Apache-2.0
"""Content as clients make it, and a repository as they see it: through the requests of a front."""

import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ALGORITHMS = ("sha256", "sha512")

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCTET_STREAM = "application/octet-stream"

# The specification's error codes, and CNCF Distribution's for a bad page size and for what is no client's fault.
ERROR_CODES = {
    "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED",
    "UNSUPPORTED", "TOOMANYREQUESTS", "PAGINATION_NUMBER_INVALID", "UNKNOWN",
}


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def fresh_name():
    """A repository name that no other test uses."""
    return "t" + uuid.uuid4().hex


@dataclass(frozen=True)
class Content:
    """A blob or a manifest, and what a descriptor says about it."""

    data: bytes
    media_type: str = OCTET_STREAM
    algorithm: str = "sha256"

    @property
    def digest(self):
        return digest_of(self.data, self.algorithm)

    @property
    def document(self):
        return json.loads(self.data)

    def descriptor(self, **fields):
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **fields}


def blob(size=512, media_type=OCTET_STREAM, algorithm="sha256"):
    return Content(os.urandom(size), media_type, algorithm)


def manifest(algorithm="sha256", **fields):
    """A manifest of just these fields, without those that are None."""
    present = {key: value for key, value in fields.items() if value is not None}
    media_type = present.get("mediaType") or (OCI_INDEX if "manifests" in present else OCI_MANIFEST)
    return Content(json.dumps(present).encode(), media_type, algorithm)


def image(config, layers, algorithm="sha256", **fields):
    """An image manifest; config and layers are descriptors."""
    return manifest(algorithm, **{"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers,
                                  **fields})


def index(children, algorithm="sha256", **fields):
    """An image index; children are descriptors."""
    return manifest(algorithm, **{"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children, **fields})


def expect(response, *statuses):
    assert response.status in statuses, f"{response.status} {response.reason}: {response.body[:500]!r}"
    return response


def error_code(response):
    """The code of an answer that must have the specification's shape of an error."""
    assert response.headers["Content-Type"] == "application/json"
    document = response.json()
    assert set(document) == {"errors"}
    assert document["errors"]
    for error in document["errors"]:
        assert {"code", "message"} <= set(error) <= {"code", "message", "detail"}
        assert error["code"] in ERROR_CODES
        assert isinstance(error["message"], str)
        assert error["code"] != "UNKNOWN" or response.status >= 500
    return document["errors"][0]["code"]


def expect_error(response, status, *codes):
    expect(response, status)
    assert error_code(response) in codes, response.body
    return response


def complete(location, digest):
    """The target that closes an upload session."""
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def expect_stored(repo, response, blob):
    """The answer to a finished push of a blob says where it is, and there it is."""
    expect(response, 201)
    assert response.headers["Location"] == f"/v2/{repo.name}/blobs/{blob.digest}"
    assert response.headers["Docker-Content-Digest"] == blob.digest
    for method, body in (("HEAD", b""), ("GET", blob.data)):
        pulled = expect(repo.front.request(method, response.headers["Location"]), 200)
        assert pulled.body == body
        assert pulled.headers["Content-Length"] == str(len(blob.data))
        assert pulled.headers["Docker-Content-Digest"] == blob.digest


def expect_progress(response, status, received):
    """The answer about an upload session says how much has arrived, and where to go on; returns that."""
    expect(response, status)
    assert response.headers["Range"] == f"0-{max(received - 1, 0)}"
    location = response.headers["Location"]
    assert location.startswith("/v2/")
    assert location.endswith(f"/blobs/uploads/{response.headers['Docker-Upload-UUID']}")
    return location


class Repository:
    """One repository of the registry behind a front."""

    def __init__(self, front, name=None):
        self.front = front
        self.name = name or fresh_name()

    @property
    def directory(self):
        """Where the store keeps it."""
        return Path(self.front.root) / "docker/registry/v2/repositories" / self.name

    def request(self, method, path, headers=None, body=None):
        return self.front.request(method, f"/v2/{self.name}/{path}", headers, body)

    def get(self, path, headers=None):
        return self.request("GET", path, headers)

    def head(self, path, headers=None):
        return self.request("HEAD", path, headers)

    def delete(self, path, headers=None):
        return self.request("DELETE", path, headers)

    def post_upload(self, query=""):
        return self.request("POST", f"blobs/uploads/{query}", body=b"")

    def start_upload(self, query=""):
        """The location of a new session."""
        return expect(self.post_upload(query), 202).headers["Location"]

    def _send(self, method, target, data, first):
        headers = {"Content-Type": OCTET_STREAM}
        if first is not None:
            headers["Content-Range"] = f"{first}-{first + len(data) - 1}"
        return self.front.request(method, target, headers, data)

    def send_chunk(self, location, data, first=None):
        """A PATCH, with its Content-Range if the position of its first byte is given."""
        return self._send("PATCH", location, data, first)

    def close_upload(self, location, digest, data=b"", first=None):
        """The PUT that ends a session, perhaps with the last chunk."""
        return self._send("PUT", complete(location, digest), data, first)

    def push_blob(self, content):
        expect(self.close_upload(self.start_upload(), content.digest, content.data), 201)
        return content

    def put_manifest(self, content, reference=None, headers=None):
        """By its digest, unless a reference says otherwise; that may have a query."""
        return self.request("PUT", f"manifests/{reference or content.digest}",
                            {"Content-Type": content.media_type, **(headers or {})}, content.data)

    def push_manifest(self, content, reference=None):
        expect(self.put_manifest(content, reference), 201)
        return content

    def plant_manifest(self, content, tag=None):
        """One that no push would bring, as another program has left it in the store."""
        algorithm, value = content.digest.split(":")
        manifests = self.directory / "_manifests"
        files = {self.directory.parents[len(Path(self.name).parts)] / f"blobs/{algorithm}/{value[:2]}/{value}/data": content.data,
                 manifests / f"revisions/{algorithm}/{value}/link": content.digest.encode()}
        if tag:
            files[manifests / f"tags/{tag}/index/{algorithm}/{value}/link"] = content.digest.encode()
            files[manifests / f"tags/{tag}/current/link"] = content.digest.encode()
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return content

    def push_image(self, reference=None, algorithm="sha256", **fields):
        """A new image with one layer, and its blobs before it."""
        config = self.push_blob(blob(64, OCI_CONFIG, algorithm))
        layer = self.push_blob(blob(128, OCI_LAYER, algorithm))
        content = image(config.descriptor(), [layer.descriptor()], algorithm, **fields)
        return self.push_manifest(content, reference)

    def catalog(self):
        """The page of the catalog that this repository is on, if it is there at all."""
        before = self.name[:-1] + chr(ord(self.name[-1]) - 1)
        return expect(self.front.request("GET", f"/v2/_catalog?last={quote(before)}"), 200).json()["repositories"]

    def in_catalog(self):
        return self.name in self.catalog()

    def tags(self):
        return expect(self.get("tags/list"), 200).json()["tags"]

    def referrers(self, digest, query=""):
        """The descriptors that the list holds."""
        return expect(self.get(f"referrers/{digest}{query}"), 200).json()["manifests"]
