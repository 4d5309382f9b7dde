# SPDX-License-Identifier: Apache-2.0
"""Each block of commands in README and docs/ is typed by tests/recipes or by the ring that has the page, which are no part of the
run, or stands there with a reason."""

import ast

from tests.lib.paths import CHECKOUT
from tests.recipes.document import ELSEWHERE, NOT_TYPED, all_pages


def taken(folder, page=None) -> set[tuple]:
    """What the tests of a ring ask for: pages, headings and numbers; a number that only the run says is None. `page` is
    that of a ring which has a single one."""
    found = set()
    for path in (CHECKOUT / "tests" / folder).glob("*.py"):
        tree = ast.parse(path.read_text())
        constants = {target.id: node.value for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
                     if isinstance(target, ast.Name)}
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "take":
                named = page or call.func.value.slice.value  # pages["tls"].take(...)
                heading, number = [*call.args, ast.Constant(0)][:2]
                heading = constants.get(getattr(heading, "id", None), heading)
                found.add((named, heading.value, getattr(number, "value", None)))
    return found


def test_each_recipe_is_typed():
    there = {(name, *block) for name, page in all_pages().items() for block in page.blocks}
    asked = taken("recipes").union(*(taken(folder, page) for page, folder in ELSEWHERE.items()))
    typed = {block for block in there if block in asked or (*block[:2], None) in asked}
    assert there - typed == set(NOT_TYPED), "what a page newly says to type wants to be typed"
    assert {block for block in asked if None not in block} <= there
