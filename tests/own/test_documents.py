# SPDX-License-Identifier: Apache-2.0
"""Pages for users: each begins with the commands and ends with what can go wrong; what is quoted is really said, links lead
somewhere, and commands have the options that they are given. What is to be typed is typed by `make recipes`."""

import re
import subprocess
from functools import cache

import pytest

from tests.lib.messages import is_heard, is_said
from tests.lib.paths import BUILD, CHECKOUT, ETC
from tests.recipes.document import CODE, all_pages

LAST = "What can go wrong"
PAGES = {name: (CHECKOUT / f"docs/{name}.md").read_text() for name in all_pages() if name not in ("README", "development")}
ALL = {str(path.relative_to(CHECKOUT)): path.read_text() for path in [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").glob("*.md")]}
# What only other programs say, which no test can bring them to.
FOREIGN = {
    "net/http: timeout awaiting response headers": "containerd, after half a minute",
    "port is already allocated": "docker, of its own proxy",
    "is not present with pull policy of Never": "kubelet, of an image",
    "no such host": "kubelet, of the name of a Service",
    'secret "berth-metrics" not found': "kubelet, of a Secret that a pod mounts",
    "Multi-Attach error for volume": "Kubernetes, of disks that only clouds have",
    "413 Request Entity Too Large": "ingress-nginx",
}
# Before the first command: a sentence or two.
LINES_BEFORE = 2


def sections(text):
    """Headings, and what stands below each."""
    found = [section.partition("\n") for section in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]]
    return [(heading, body) for heading, _, body in found]


def messages(text):
    """What the tables of the last section quote in their first columns."""
    rows = re.findall(r"^\|([^|]*)\|.*\|$", sections(text)[-1][1], re.MULTILINE)
    quoted = [re.findall(r"`([^`]+)`", row) for row in rows]
    # What a program is called with stands in parentheses.
    return [message for row in quoted for message in row if not message.startswith("/")]


@pytest.mark.parametrize("name", PAGES)
def test_it_begins_with_the_commands(name):
    before = PAGES[name][:CODE.search(PAGES[name]).start()]
    assert before.startswith("# ")
    assert len([line for line in before.splitlines()[1:] if line and not line.startswith("#")]) <= LINES_BEFORE
    assert before.count("\n## ") <= 1


@pytest.mark.parametrize("name", PAGES)
def test_it_ends_with_what_can_go_wrong(name):
    heading, body = sections(PAGES[name])[-1]
    assert heading == LAST
    assert "| It says | Because, and what cures it |" in body
    assert len(messages(PAGES[name])) >= 3


@pytest.mark.parametrize("name", PAGES)
def test_what_it_quotes_is_said(name):
    unheard = [message for message in messages(PAGES[name])
               if not (message in FOREIGN or is_said(message) or is_heard(message))]
    assert not unheard


@pytest.mark.parametrize("message", [
    "the registry is on fire: call somebody",
    "REGISTRY_HTTP_ADDR: may be what somebody thought of",
    "user 1000 cannot read from /var/lib/registry: Permission denied",
    "what can go wrong and its message",
    "the store had no time to collect it all: try again later",  # of which the end alone is said
])
def test_what_nobody_says_is_seen(message):
    assert not is_said(message) and not is_heard(message)


def anchors(text):
    """As a browser of repositories makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading, _ in sections(text)}


@pytest.mark.parametrize("path", ALL)
def test_its_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", ALL[path]):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (CHECKOUT / path).parent / file if file else CHECKOUT / path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), target


def test_readme_leads_to_each_page():
    missing = [path for path in ALL if path.startswith("docs/") and f"({path})" not in ALL["README.md"]]
    assert not missing


@cache
def help_of(*command):
    return subprocess.run([BUILD / "berth", *command, "--help"], capture_output=True, text=True, check=True).stdout


@cache
def commands():
    return {tuple(match.split()) for match in re.findall(r"^  ([a-z][a-z -]*?)  ", help_of(), re.MULTILINE)}


def calls(text):
    """What follows `berth` where it is a command."""
    code = "\n".join(re.findall(r"^ {4,}(.*)", text, re.MULTILINE)).replace("\\\n", " ").splitlines()
    for line in code:
        for call in re.findall(r"(?:^|[\s/;&|(])(?<!-n )(?<!helm install )berth ([a-z][^|;&#]*)", line.partition("  #")[0]):
            yield call.split()
    for call in re.findall(r"`berth ([a-z][^`]*)`", text):
        yield call.split()


@pytest.mark.parametrize("path", [path for path in ALL if path not in ("CHANGELOG.md", "docs/design.md")])
def test_commands_and_their_options_are_there(path):
    for words in calls(ALL[path]):
        command = next((known for known in sorted(commands(), key=len, reverse=True) if tuple(words[:len(known)]) == known), None)
        assert command or (words[0],) in {known[:1] for known in commands()}, f"berth {' '.join(words)}"
        for option in (word.partition("=")[0] for word in words if command and word.startswith("-") and word != "-"):
            assert re.search(rf"(?<![\w-]){option}\b", help_of(*command)), f"berth {' '.join(words)}"


@pytest.mark.parametrize("path", ALL)
def test_files_of_etc_are_there(path):
    for name in re.findall(r"`(?:/etc/berth/)?((?:lighttpd|apache|nginx|fail2ban)-[a-z-]+\.conf|berth[a-z-]*\.(?:service|timer|socket))`",
                           ALL[path]):
        assert any((ETC / f"{name}{end}").exists() for end in ("", ".in")), name


def test_targets_of_make_are_there():
    made = (CHECKOUT / "Makefile.am").read_text() + "\ncheck install uninstall dist distcheck:\n"
    targets = {word for line in re.findall(r"^([a-z][\w .-]*):", made, re.MULTILINE) for word in line.split()}
    for path, text in ALL.items():
        for target in re.findall(r"(?:make -C build|`make|^ {4,}(?:sudo )?make) ([a-z][a-z-]*)", text, re.MULTILINE):
            assert target in targets, (path, target)
