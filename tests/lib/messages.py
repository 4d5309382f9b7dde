# SPDX-License-Identifier: Apache-2.0
"""Whether berth says what a page quotes: its source and its scripts are searched for the text, whose blanks stand for anything.
What other programs say is searched for in the tests that see it."""

import errno
import os
import re
from functools import cache

from tests.lib.paths import CHECKOUT

BLANK = "\0"
# What stands for something else: of printf, and of a shell.
C_BLANK = re.compile(r"%[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|h|ll|l|j|z|t)?[diouxXscp]|%\.\*s")
SHELL_BLANK = re.compile(r"\$\([^)]*\)|\$\{[^}]*\}|\$\w+")
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"', re.DOTALL)
# One after another is one text.
JOINED = re.compile(r'(?<!\\)"\s*(?:\\\n)?\s*"')
REASON = re.compile("|".join(re.escape(os.strerror(number)) for number in errno.errorcode))
# To be taken for the same, a message has this many words of a text besides its blanks, and half of its own.
ENOUGH = 3


def unquoted(text):
    return text.replace("\\n", " ").replace('\\"', '"').replace("\\\\", "\\").replace("`", "")


def texts_of(path, blank):
    source = JOINED.sub("", path.read_text())
    return [blank.sub(BLANK, unquoted(text)) for text in STRING.findall(source)]


@cache
def spoken() -> list[list[str]]:
    """All that berth's own programs and scripts can say, as words."""
    sources = [path for folder in ("src", "cgi-bin") for path in (CHECKOUT / folder).rglob("*.[ch]")]
    scripts = [CHECKOUT / "debian/maintscript-helper", *CHECKOUT.glob("debian/*.postinst"), *CHECKOUT.glob("debian/*.postrm")]
    found = [text for path in sources + sorted((CHECKOUT / "src").rglob("*.def")) for text in texts_of(path, C_BLANK)]
    found += [text for path in scripts for text in texts_of(path, SHELL_BLANK)]
    return [words for text in found if len(words := text.split()) >= ENOUGH]


@cache
def heard() -> str:
    """All that tests expect; those of the documents do not count."""
    paths = [path for path in (CHECKOUT / "tests").rglob("*.py")
             if path.parent.name not in ("own", "recipes") and path.name != "messages.py"]
    return " ".join(" ".join(path.read_text().split()) for path in paths).replace("`", "")


def is_part(words, text) -> bool:
    """Whether a text, or what is left when words at its ends are left out, is this message."""
    message = " ".join(words)
    for start in range(len(text) - ENOUGH + 1):
        if BLANK not in text[start] and text[start] != words[0]:
            continue
        for end in range(start + ENOUGH, len(text) + 1):
            part = text[start:end]
            fixed = sum(BLANK not in word for word in part)
            if fixed < ENOUGH or fixed * 2 < len(words):
                continue
            pattern = ".*".join(map(re.escape, " ".join(part).rstrip(":;,.(").split(BLANK)))
            if re.fullmatch(pattern, message):
                return True
    return False


def is_said(message) -> bool:
    """By berth, perhaps after what it is about: `config.yml:2: `."""
    message = REASON.sub("REASON", message.replace("`", ""))
    endings = [message] + [message[colon.end():] for colon in re.finditer(": ", message)]
    return any(is_part(words, text) for words in map(str.split, endings)
               if len(words) >= ENOUGH and len(words) * 2 > len(message.split())
               for text in spoken() if len(set(words) & set(text)) >= ENOUGH - 1)


def is_heard(message) -> bool:
    """From another program, by a test; more than half of it in one piece."""
    words = message.replace("`", "").split()
    length = max(ENOUGH, len(words) // 2 + 1)
    return any(" ".join(words[start:start + length]) in heard() for start in range(max(1, len(words) - length + 1)))
