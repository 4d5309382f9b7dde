# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of one's own, as a company has it."""

import subprocess
from pathlib import Path

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """What clients need of it is alone in `directory`: ca.crt."""

    def __init__(self, home: Path):
        self.directory, self.key = home / "public", home / "ca.key"
        self.directory.mkdir(parents=True)
        self.certificate = self.directory / "ca.crt"
        openssl("req", "-x509", *KEY, "-keyout", self.key, "-out", self.certificate, "-days", "2", "-subj",
                "/CN=Test CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, directory: Path, names: str) -> tuple[Path, Path]:
        """A certificate and its key in the directory. `names` are as in openssl: `DNS:registry.example,IP:10.0.0.1`."""
        certificate, key, request, extensions = (directory / f"server.{end}" for end in ("crt", "key", "csr", "ext"))
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        openssl("req", *KEY, "-keyout", key, "-out", request, "-subj", "/CN=registry")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-days", "2",
                "-extfile", extensions, "-out", certificate)
        return certificate, key
