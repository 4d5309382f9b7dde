# SPDX-License-Identifier: Apache-2.0
"""What README and the pages of docs/ say to type, block by block, each under its heading."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.lib.paths import CHECKOUT

# Lines with this margin and more, after an empty one: code, also inside of a list.
CODE = re.compile(r"(?:^ {4,}.*\n|^\n(?= {4}))+", re.MULTILINE)

# Pages about the program itself, or that a program writes, of which nothing is to be typed.
REFERENCE = ("design", "durability", "performance")

# Pages that another ring types, from the first block to the last.
ELSEWHERE = {"container": "image", "kubernetes": "kubernetes", "several-hosts": "cluster"}

# Blocks that are not typed, and why.
NOT_TYPED = {
    ("logins", "A web interface on another host", 1): "needs an image from elsewhere, and a browser; "
                                                      "tests/live/test_cors.py asks as the page in it does",
    ("cache", "A cache of other registries", 0): "Docker Hub is not to be had in a test; tests/clients/test_cache.py pulls so",
    ("cache", "Who sees what", 0): "ghcr.io is not to be had in a test; tests/cgi/test_only_cache.py has such rules",
    ("cache", "docker", 0): "a mirror counts for Docker Hub alone; tests/cgi/test_only_cache.py asks as docker does",
    ("cache", "containerd, and Kubernetes", 0): "tests/cgi/test_only_cache.py asks with ns, as containerd does by that file",
    ("cache", "containerd, and Kubernetes", 1): "k3s is not in Debian; it makes of it the file that containerd reads",
    ("cache", "containerd, and Kubernetes", 2): "BuildKit's daemon is not in Debian",
    ("cache", "podman, buildah, skopeo", 0): "tests/clients/test_cache.py pulls by the name that it leads to",
    ("cache", "What stays", 0): "tests/admin/test_retain.py has such rules",
    ("operating", "In the morning", 0): "tests/admin/test_status.py asks so",
    ("operating", "Before it is noticed", 0): "tests/cgi/test_only_metrics.py has such settings",
    ("operating", "When somebody asks who did it", 0): "tests/cgi/test_only_audit.py writes and rotates such a file",
    ("development", "Tests", 0): "the run of the tests types its own",
}


@dataclass(frozen=True)
class Block:
    heading: str
    number: int  # among those under the heading, from 0
    text: str


def blocks(path: Path) -> list[Block]:
    found = []
    for section in re.split(r"^#+ ", path.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        texts = [textwrap.dedent(match[0]).strip("\n") for match in CODE.finditer(body)]
        found += [Block(heading, number, text) for number, text in enumerate(texts)]
    return found


class Document:
    """Hands out blocks, and knows which nobody asked for."""

    def __init__(self, path: Path):
        self.name = path.name
        self.blocks = {(block.heading, block.number): block.text for block in blocks(path)}
        self.left = dict(self.blocks)

    def take(self, heading: str, number: int = 0) -> str:
        self.left.pop((heading, number), None)
        return self.blocks[heading, number]

    def check_all_typed(self, ring: str, config):
        """After a run of the whole ring."""
        if config.args == [ring] and not config.option.keyword:
            assert not self.left, f"a block that is new in docs/{self.name} wants to be typed in {ring}"


def all_pages() -> dict[str, Document]:
    """Those that say what to type, by their names: README, and the pages of docs/."""
    there = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
    return {path.stem: Document(path) for path in there if path.stem not in REFERENCE}
