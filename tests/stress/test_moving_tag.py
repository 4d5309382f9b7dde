# SPDX-License-Identifier: Apache-2.0
"""Several clients move one tag at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib import oci

WRITERS = READERS = 4
MOVES = 40  # of each writer


@pytest.fixture
def repository(front):
    return oci.Repository(front)


@pytest.fixture
def variant(repository):
    """Makes manifests that differ in their number only."""
    config, layer = (repository.push_blob(oci.blob()).descriptor() for _ in range(2))
    return lambda number: oci.image(config, [layer], annotations={"number": str(number)})


def test_readers_see_one_of_the_manifests_whole(repository, variant):
    contents = [variant(number) for number in range(WRITERS * MOVES)]
    bodies = {content.digest: content.data for content in contents}
    repository.push_manifest(contents[0], "moving")

    def write(writer):
        for content in contents[writer::WRITERS]:
            repository.push_manifest(content, "moving")

    def read(writers):
        while not all(writer.done() for writer in writers):
            answer = oci.expect(repository.get("manifests/moving"), 200)
            digest = answer.headers["Docker-Content-Digest"]
            assert answer.body == bodies[digest]
            assert oci.expect(repository.get(f"manifests/{digest}"), 200).body == answer.body
            assert repository.tags() == ["moving"]

    with ThreadPoolExecutor(WRITERS + READERS) as threads:
        writers = [threads.submit(write, number) for number in range(WRITERS)]
        readers = [threads.submit(read, writers) for _ in range(READERS)]
        for outcome in writers + readers:
            outcome.result()


def test_conditional_moves_lose_no_update(repository, variant):
    """With If-Match a tag is a counter: of two who saw the same number only one may write the next."""
    repository.push_manifest(variant(0), "counter")

    def increment():
        while True:
            current = oci.expect(repository.get("manifests/counter"), 200)
            number = int(current.json()["annotations"]["number"])
            answer = repository.put_manifest(variant(number + 1), "counter", {"If-Match": current.headers["ETag"]})
            if oci.expect(answer, 201, 412).status == 201:
                return

    with ThreadPoolExecutor(WRITERS) as threads:
        for outcome in [threads.submit(increment) for _ in range(WRITERS * MOVES)]:
            outcome.result()
    assert repository.get("manifests/counter").json()["annotations"]["number"] == str(WRITERS * MOVES)
