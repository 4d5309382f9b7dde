# SPDX-License-Identifier: Apache-2.0
"""Each block of commands in README is typed by tests/recipes, which is no part of the run, or stands there with a reason."""

import ast

from tests.lib.paths import CHECKOUT
from tests.recipes.document import NOT_TYPED, Document


def taken() -> set[tuple]:
    """What the tests of recipes ask for: headings and numbers; a number that only the run says is None."""
    found = set()
    for path in (CHECKOUT / "tests/recipes").glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "take":
                heading, number = [*call.args, ast.Constant(0)][:2]
                found.add((heading.value, getattr(number, "value", None)))
    return found


def test_each_recipe_is_typed():
    asked, there = taken(), set(Document(CHECKOUT / "README.md").blocks)
    typed = {block for block in there if block in asked or (block[0], None) in asked}
    assert there - typed == set(NOT_TYPED), "a recipe that is new in README wants to be typed in tests/recipes"
    assert {block for block in asked if block[1] is not None} <= there
