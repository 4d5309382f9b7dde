# SPDX-License-Identifier: Apache-2.0
"""That every check of the conformance suite has a test of ours, by the numbers in the docstrings (tests/cgi)."""

import importlib
import pkgutil
import re

import tests.cgi

CHECKS = [f"3a.{i}" for i in range(1, 33)] + [f"3b.{i}" for i in range(1, 14)]


def numbers(docstring):
    """The checks that a docstring begins with: "3a.1, 3b.8 to 3b.12: ..." """
    head = re.match(r"[^:]*", docstring)[0]
    for part, first, last in re.findall(r"(3[ab])\.(\d+)(?: to \1\.(\d+))?", head):
        yield from (f"{part}.{i}" for i in range(int(first), int(last or first) + 1))


def test_every_check_has_a_test():
    covered = set()
    for module in pkgutil.iter_modules(tests.cgi.__path__, "tests.cgi."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.startswith("test_") and value.__doc__:
                covered.update(numbers(value.__doc__))
    assert sorted(covered) == sorted(CHECKS)
