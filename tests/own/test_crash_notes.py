# SPDX-License-Identifier: Apache-2.0
"""What a long run of the ring of power cuts has noted, and for whom."""

import json

from tests.crash.conftest import notes_of


def test_notes_are_of_one_subject(tmp_path):
    path = tmp_path / "done"
    assert notes_of(path, "berth") == {}
    notes = [{"subject": subject, "test": test, "figures": {"states": 7}}
             for subject, test in (("berth", "one"), ("another", "two"), ("berth", "three"))]
    path.write_text("".join(json.dumps(note) + "\n" for note in notes) + '{"subject": "berth", "te')
    assert notes_of(path, "berth") == {"one": {"states": 7}, "three": {"states": 7}}
