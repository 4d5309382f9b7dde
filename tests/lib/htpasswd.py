# SPDX-License-Identifier: Apache-2.0
"""Files as htpasswd(1) writes them."""

import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt


def bcrypt(password: str, cost: int = 5) -> str:
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << cost))


def write(path: Path, users: dict[str, str], cost: int = 5) -> Path:
    path.write_text("".join(f"{user}:{bcrypt(password, cost)}\n" for user, password in users.items()))
    path.chmod(0o644)
    return path
