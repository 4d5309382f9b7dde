# SPDX-License-Identifier: Apache-2.0
"""Accounts of which a program knows the password, as docker's credential helpers do."""

import json
import os
import time

import pytest

from tests.lib.asking import ask, end, start
from tests.lib.upstream import Upstream

USER, PASSWORD = "AWS", "a-password-of-12-hours"
COMMAND = ["manifest", "a", "v1"]


@pytest.fixture(params=["basic", "token"])
def guarded(request):
    with Upstream(wants=request.param, accounts={USER: PASSWORD}) as made:
        made.digest = made.add_manifest("a", "v1")
        yield made


@pytest.fixture
def helper(tmp_path):
    """Answers what is in `answer`, and notes what it was asked."""
    program, asked, answer = tmp_path / "docker-credential-test", tmp_path / "asked", tmp_path / "answer"
    program.write_text(f'#!/bin/sh\necho "$1 $(cat)" >> {asked}\ncat {answer}\n')
    program.chmod(0o755)
    asked.touch()
    program.with_name("answer").write_text(json.dumps({"ServerURL": "x", "Username": USER, "Secret": PASSWORD}))
    return program


def asked(helper):
    return helper.with_name("asked").read_text().splitlines()


def test_it_is_asked_once_for_all(guarded, helper, state):
    for _ in range(2):
        answer = ask(COMMAND, url=guarded.url, helper=helper, state=state)
        assert answer.digest == guarded.digest and PASSWORD not in answer.text
    assert asked(helper) == [f"get {guarded.url}"]
    (file,) = state.glob("account-*")
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert abs(json.loads(file.read_text())["until"] - time.time() - 3600) < 100


def test_it_is_asked_again_after_its_lifetime(guarded, helper, state):
    ask(COMMAND, url=guarded.url, helper=helper, state=state, helper_seconds=7200)
    (file,) = state.glob("account-*")
    said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, "until": int(time.time()) - 1}))
    for token in state.glob("token-*"):
        token.unlink()
    assert ask(COMMAND, url=guarded.url, helper=helper, state=state).digest == guarded.digest
    assert len(asked(helper)) == 2


def test_one_flight(guarded, helper, state):
    processes = [start(COMMAND, url=guarded.url, helper=helper, state=state) for _ in range(6)]
    assert [end(process).digest for process in processes] == [guarded.digest] * 6
    assert len(asked(helper)) == 1


def test_a_password_that_has_changed_is_asked_for_at_once(guarded, helper, state):
    ask(COMMAND, url=guarded.url, helper=helper, state=state)
    for token in state.glob("token-*"):
        token.unlink()
    guarded.tokens.clear()
    guarded.accounts[USER] = "another"
    helper.with_name("answer").write_text(json.dumps({"Username": USER, "Secret": "another"}))
    assert ask(COMMAND, url=guarded.url, helper=helper, state=state).digest == guarded.digest
    assert len(asked(helper)) == 2


def test_one_that_stays_wrong_is_refused(guarded, helper, state):
    helper.with_name("answer").write_text(json.dumps({"Username": USER, "Secret": "wrong-one"}))
    answer = ask(COMMAND, url=guarded.url, helper=helper, state=state)
    assert answer.error == "UPSTREAM_REFUSED" and "our account" in answer.message and "wrong-one" not in answer.text
    assert len(asked(helper)) == 2  # and no more


@pytest.mark.parametrize("answer", ["", "no credentials for secret-thing", "{}", '{"Username": "x"}', '{"Username": "a:b", "Secret": "s"}',
                                    '{"Username": "", "Secret": "s"}', "[" * 100000])
def test_answers_that_are_none(guarded, helper, state, answer):
    helper.with_name("answer").write_text(answer)
    said = ask(COMMAND, url=guarded.url, helper=helper, state=state)
    assert said.error == "CONFIG" and "run it by hand" in said.message and "secret-thing" not in said.text
    helper.with_name("answer").write_text(json.dumps({"Username": USER, "Secret": PASSWORD}))
    assert ask(COMMAND, url=guarded.url, helper=helper, state=state).digest == guarded.digest


def test_one_that_fails_or_is_not_there(guarded, helper):
    helper.write_text(f"#!/bin/sh\ncat {helper.with_name('answer')}\nexit 1\n")
    assert ask(COMMAND, url=guarded.url, helper=helper).error == "CONFIG"
    answer = ask(COMMAND, url=guarded.url, helper="docker-credential-of-nobody")
    assert answer.error == "CONFIG" and "docker-credential-of-nobody cannot be started" in answer.message


def test_one_that_never_answers(helper):
    helper.write_text("#!/bin/sh\nexec sleep 1000\n")
    with Upstream(wants="basic", accounts={USER: PASSWORD}) as upstream:
        answer = ask(COMMAND, url=upstream.url, helper=helper, answer_seconds=2)
    assert answer.error == "UPSTREAM_TIMEOUT" and "did not answer in time" in answer.message
