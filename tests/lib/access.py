# SPDX-License-Identifier: Apache-2.0
"""Who asks, for tests of access: berth.conf with rules, passwords and keys, and the identities that try them."""

import base64
import contextlib
import json
import subprocess
import tempfile
import time
from pathlib import Path

from tests.lib import htpasswd

USERS = {"alice": "alice's: password", "bob": "b", "root": "r", "eve": "e"}

RULES = """
group "devs" {{ members = {{"alice"}} }}
repository "**" {{ pull = {{"users"}} push = {{"@devs"}} admin = {{"root"}} }}
repository "public/*" {{ pull = {{"*"}} push = {{"@devs"}} delete = {{"@devs"}} admin = {{"root"}} immutable = {{"v*"}} }}
repository "private/*" {{ pull = {{"@devs"}} push = {{"@devs"}} delete = {{"@devs"}} admin = {{"root"}} }}
repository "frozen/*" {{ pull = {{"*"}} push = {{"@devs"}} delete = {{"@devs"}} readonly = true }}
issuer "https://issuer.example" {{ keys = "{home}/issuer.pub" audience = "berth.example" }}
"""


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A private key of openssl(1), to sign tokens with as an issuer does."""

    def __init__(self, path: Path, *options: str, alg: str):
        self.path, self.alg = path, alg
        if not path.exists():
            subprocess.run(["openssl", "genpkey", *options, "-out", path], check=True, capture_output=True)
            path.chmod(0o644)

    def public(self) -> bytes:
        return subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout"], check=True,
                              capture_output=True).stdout

    def sign(self, data: bytes) -> bytes:
        message = self.path.with_suffix(".message")
        message.write_bytes(data)
        if self.alg == "EdDSA":
            command = ["pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", message]
        else:
            command = ["dgst", "-sha256", "-sign", self.path, message]
        signature = subprocess.run(["openssl", *command], check=True, capture_output=True).stdout
        return raw_ecdsa(signature) if self.alg == "ES256" else signature


def raw_ecdsa(der: bytes) -> bytes:
    """The two numbers of an ASN.1 signature, 32 bytes each."""
    r_len = der[3]
    r, s = der[4:4 + r_len], der[6 + r_len:]
    return b"".join(int.from_bytes(n, "big").to_bytes(32, "big") for n in (r, s))


def token(key: Key, header: dict = {}, signature: bytes | None = None, **claims) -> str:
    """A token that is right in all that is not given otherwise; a claim that is None is left out."""
    now = int(time.time())
    claims = {"iss": "berth", "aud": "berth", "sub": "alice", "nbf": now, "iat": now, "exp": now + 300, "access": [],
              **claims}
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"typ": "JWT", "alg": key.alg, **header}
    signed = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{b64(key.sign(signed.encode()) if signature is None else signature)}"


def grants(**actions: str) -> list[dict]:
    """`grants(**{"public/app": "pull,push"})`: a token's access claim."""
    return [{"type": "repository", "name": name, "actions": words.split(",")} for name, words in actions.items()]


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": "Bearer " + text}


class Site:
    """The files that berth decides by, in a directory that a web server's user can read."""

    def __init__(self, home: Path, rules: str = RULES, passwords: bool = True, tokens: bool = True):
        self.home = home
        self.conf = home / "berth.conf"
        self.keys = home / "keys"
        self.keys.mkdir()
        self.key = Key(self.keys / "k1.pem", "-algorithm", "ed25519", alg="EdDSA")
        self.issuer = Key(home / "issuer.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", alg="ES256")
        (home / "issuer.pub").write_bytes(self.issuer.public())
        self.htpasswd = htpasswd.write(home / "users", USERS)
        self.head = 'durability = "none"\n'
        self.head += f'htpasswd = "{self.htpasswd}"\n' if passwords else ""
        self.head += f'token_keys = "{self.keys}"\n' if tokens else ""
        self.write(rules)

    def write(self, rules: str):
        """Replaces the configuration as an editor does."""
        new = self.conf.with_suffix(".new")
        new.write_text(self.head + rules.format(home=self.home))
        new.rename(self.conf)

    @property
    def env(self) -> dict[str, str]:
        return {"BERTH_CONF": str(self.conf)}

    def token(self, **claims) -> str:
        return token(self.key, **claims)


@contextlib.contextmanager
def site(**options):
    with tempfile.TemporaryDirectory(prefix="berth-site-") as directory:
        Path(directory).chmod(0o755)
        yield Site(Path(directory), **options)
