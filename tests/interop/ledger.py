# SPDX-License-Identifier: Apache-2.0
"""A ledger of what was pushed into a store and not deleted again, whichever program served it."""

from tests.lib import oci

# Distribution answers 404 to who doesn't name the type of an OCI manifest.
ACCEPT = {"Accept": ", ".join((oci.OCI_MANIFEST, oci.OCI_INDEX, oci.DOCKER_MANIFEST, oci.DOCKER_LIST))}


class Ledger:
    def __init__(self):
        self.blobs = {}  # (repository, digest) -> Content
        self.manifests = {}  # the same
        self.tags = {}  # (repository, tag) -> digest

    def push_blob(self, front, name, content):
        oci.Repository(front, name).push_blob(content)
        self.blobs[name, content.digest] = content
        return content.descriptor()

    def push_manifest(self, front, name, content, *tags):
        # By tag alone the digest would be sha256, and Distribution doesn't know the other way to tag.
        by_digest = [content.digest + "?" + "&".join(f"tag={tag}" for tag in tags)]
        for reference in tags if tags and content.algorithm == "sha256" else by_digest:
            oci.Repository(front, name).push_manifest(content, reference)
        self.manifests[name, content.digest] = content
        self.tags.update({(name, tag): content.digest for tag in tags})
        return content

    def push_image(self, front, name, *tags, algorithm="sha256", **fields):
        """An OCI image with blobs of its own."""
        config = self.push_blob(front, name, oci.blob(200, oci.OCI_CONFIG, algorithm))
        layer = self.push_blob(front, name, oci.blob(20_000, oci.OCI_LAYER, algorithm))
        return self.push_manifest(front, name, oci.image(config, [layer], algorithm, **fields), *tags)

    def push_docker_image(self, front, name, *tags):
        config = self.push_blob(front, name, oci.blob(200, oci.DOCKER_CONFIG))
        layer = self.push_blob(front, name, oci.blob(20_000, oci.DOCKER_LAYER))
        return self.push_manifest(front, name, oci.image(config, [layer], mediaType=oci.DOCKER_MANIFEST), *tags)

    def delete_manifest(self, front, name, content):
        """Deletes it with its tags. Its blobs are nobody's then, and a collector may take them."""
        oci.expect(oci.Repository(front, name).delete(f"manifests/{content.digest}"), 202)
        del self.manifests[name, content.digest]
        self.tags = {key: digest for key, digest in self.tags.items() if key[0] != name or digest != content.digest}
        for descriptor in (content.document["config"], *content.document["layers"]):
            del self.blobs[name, descriptor["digest"]]

    def delete_tag(self, front, name, tag):
        oci.expect(oci.Repository(front, name).delete(f"manifests/{tag}"), 202)
        del self.tags[name, tag]

    def tagged_images(self):
        """The part that a collector of untagged manifests keeps, even one that doesn't look into indexes."""
        kept = Ledger()
        for (name, tag), digest in self.tags.items():
            content = self.manifests[name, digest]
            if content.media_type in (oci.OCI_MANIFEST, oci.DOCKER_MANIFEST):
                kept.tags[name, tag] = digest
                kept.manifests[name, digest] = content
                for descriptor in (content.document["config"], *content.document["layers"]):
                    kept.blobs[name, descriptor["digest"]] = self.blobs[name, descriptor["digest"]]
        return kept

    def check(self, front):
        """Everything comes back byte for byte."""
        for (name, digest), content in self.blobs.items():
            assert oci.expect(oci.Repository(front, name).get(f"blobs/{digest}"), 200).body == content.data
        for (name, digest), content in self.manifests.items():
            self.check_manifest(front, name, digest, content)
        for (name, tag), digest in self.tags.items():
            self.check_manifest(front, name, tag, self.manifests[name, digest])

    @staticmethod
    def check_manifest(front, name, reference, content):
        answer = oci.expect(oci.Repository(front, name).get(f"manifests/{reference}", ACCEPT), 200)
        assert answer.body == content.data
        assert answer.headers["Content-Type"] == content.media_type
        assert answer.headers["Docker-Content-Digest"] == content.digest

    def check_lists(self, front):
        """The catalog and the tags are these and no other."""
        catalog = oci.expect(front.request("GET", "/v2/_catalog"), 200).json()["repositories"]
        assert set(catalog) == {name for name, _ in self.manifests}
        for name in catalog:
            assert set(oci.Repository(front, name).tags()) == {tag for owner, tag in self.tags if owner == name}
