# SPDX-License-Identifier: Apache-2.0
"""The protocol, asked of each web server: the tests of tests/cgi as they are, but those that only a CGI can answer."""

import importlib
import pkgutil

import tests.cgi
from tests.cgi.conftest import other_repo, repo  # noqa: F401 - fixtures
from tests.cgi.test_store import outside, v2  # noqa: F401 - fixtures


def shared_tests():
    """All of them, by names that must not hide one another."""
    found = {}
    for module in pkgutil.iter_modules(tests.cgi.__path__, "tests.cgi."):
        if not module.name.startswith("tests.cgi.test_") or module.name.startswith("tests.cgi.test_only_"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.startswith("test_"):
                assert name not in found, f"{name} stands in {found[name].__module__} and {module.name}"
                found[name] = value
    return found


globals().update(shared_tests())
