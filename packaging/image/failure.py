# SPDX-License-Identifier: Apache-2.0
"""What ends a build, for who ran it."""

import subprocess


class Failure(Exception):
    """Its text says what is wrong, and what to do about it."""


def run(*argv, what, **options):
    """The standard output of a command; `what` it was for is said if it fails, before what it said itself."""
    try:
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, **options)
    except FileNotFoundError:
        raise Failure(f"{what}: {argv[0]} is not installed: apt install {argv[0]}") from None
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise Failure(f"{what}: {argv[0]} ended with status {done.returncode}\n{last}")
    return done.stdout
