# SPDX-License-Identifier: Apache-2.0
"""The files of the image: of Debian's packages no more than the programs need, and berth. A layer is a tar archive without
anything of the machine or the moment in which it was made."""

import io
import re
import tarfile
import tempfile

from debian import merged
from failure import Failure, run

# Programs and modules; lighttpd has those others that berth uses built in. Their libraries are found by what they say.
PROGRAMS = ["usr/sbin/lighttpd", "usr/lib/lighttpd/mod_auth.so", "usr/lib/lighttpd/mod_authn_file.so",
            "usr/lib/lighttpd/mod_cgi.so", "usr/lib/lighttpd/mod_openssl.so", "usr/bin/htpasswd"]
BERTH = ["usr/bin/berth", "usr/libexec/berth/berth.fcgi", "usr/libexec/berth/berth-fetch"]
OTHERS = ["usr/lib/os-release", "etc/debian_version"]
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "etc/os-release": "../usr/lib/os-release"}

# Nobody but root has a name: messages say by number to whom something has to belong, and that is what the host knows, too.
UID = 1000
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# Whoever it runs as may write there: a new volume takes the mode of the directory in the image.
DIRECTORIES = {"var/lib/registry": 0o1777, "run": 0o1777, "tmp": 0o1777, "var/tmp": 0o1777,
               "etc/berth": 0o755, "etc/docker/registry": 0o755, "dev": 0o755, "proc": 0o755, "sys": 0o755}


class Tree:
    """Paths without a slash at their beginning, and what is there. Directories above come by themselves."""

    def __init__(self):
        self.entries = {}

    def file(self, path, data, mode=0o644):
        self.entries[path] = (tarfile.REGTYPE, mode, data, "")

    def link(self, path, target):
        self.entries[path] = (tarfile.SYMTYPE, 0o777, b"", target)

    def directory(self, path, mode=0o755):
        self.entries[path] = (tarfile.DIRTYPE, mode, b"", "")

    def _parents(self):
        for path in list(self.entries):
            parts = path.split("/")
            for depth in range(1, len(parts)):
                parent = "/".join(parts[:depth])
                if parent not in self.entries:
                    self.directory(parent)

    def tar(self, epoch):
        self._parents()
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(self.entries):
                kind, mode, data, target = self.entries[path]
                info = tarfile.TarInfo(path)
                info.type, info.mode, info.linkname, info.mtime, info.size = kind, mode, target, epoch, len(data)
                archive.addfile(info, io.BytesIO(data))
        return out.getvalue()


def needed(data):
    """Names of the libraries that a program or library says it needs, and of the loader that it asks for."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        text = run("readelf", "--wide", "--dynamic", "--program-headers", file.name, what="asking for libraries")
    return re.findall(r"Shared library: \[(.+?)\]", text), re.findall(r"program interpreter: /(.+?)\]", text)


class Packages:
    """What Debian's packages have, and what of it was taken."""

    def __init__(self, packages, triplet):
        self.libraries = [f"usr/lib/{triplet}", "usr/lib"]
        self.files = {}
        for package in packages:
            for path, member, data in package.files():
                self.files[path] = (package, member, data)
        self.tree = Tree()
        self.taken = set()

    def take(self, path):
        """A file, and what it links to. Its content."""
        if path not in self.files:
            raise Failure(f"no package has {path}: PACKAGES in packaging/image/debian.py wants the one that has it")
        package, member, data = self.files[path]
        self.taken.add(package)
        if not member.issym():
            self.tree.file(path, data, member.mode & 0o755)
            return data
        self.tree.link(path, member.linkname)
        absolute = member.linkname.startswith("/")
        return self.take(merged(member.linkname[1:] if absolute else f"{path.rpartition('/')[0]}/{member.linkname}"))

    def take_libraries(self, programs):
        """All that these contents need, and what that needs."""
        seen, left = set(), list(programs)
        while left:
            libraries, loaders = needed(left.pop())
            for name in libraries:
                if name not in seen:
                    seen.add(name)
                    left.append(self.take(self.find(name)))
            for loader in loaders:
                if loader not in seen:
                    seen.add(loader)
                    self.take(f"usr/{loader}")

    def find(self, name):
        for directory in self.libraries:
            if f"{directory}/{name}" in self.files:
                return f"{directory}/{name}"
        raise Failure(f"no package has {name}: PACKAGES in packaging/image/debian.py wants the one that has it")

    def take_authorities(self):
        """Whom the cache trusts of other registries: one file of all that Debian trusts, as its update-ca-certificates makes it."""
        paths = sorted(path for path in self.files if path.startswith("usr/share/ca-certificates/mozilla/"))
        if not paths:
            raise Failure("no package has certificates of authorities: PACKAGES in packaging/image/debian.py wants ca-certificates")
        self.taken.update(self.files[path][0] for path in paths)
        self.tree.file("etc/ssl/certs/ca-certificates.crt", b"".join(self.files[path][2] for path in paths))

    def describe(self):
        """Of each package of which something is there: who may copy it, and what scanners of images look for."""
        for package in list(self.taken):
            documents = f"usr/share/doc/{package.name}"
            if documents in self.files:  # a link to those of another package
                target = self.files[documents][1].linkname
                self.tree.link(documents, target)
                documents = f"usr/share/doc/{target}"
            self.take(f"{documents}/copyright")
            self.tree.file(f"var/lib/dpkg/status.d/{package.name}", package.control.encode())


def debian_layer(packages, made, epoch):
    """The layer, and the packages of which it has files."""
    found = Packages(packages, made.target.triplet)
    programs = [found.take(path) for path in PROGRAMS]
    found.take_libraries([*programs, *(made.read(path) for path in BERTH)])
    for path in [*OTHERS, *(path for path in found.files if path.startswith("usr/share/common-licenses/"))]:
        found.take(path)
    found.take_authorities()
    found.describe()
    for path, target in LINKS.items():
        found.tree.link(path, target)
    if any(path.startswith("usr/lib64/") for path in found.tree.entries):  # where the loader of some architectures is
        found.tree.link("lib64", "usr/lib64")
    for path, text in TEXTS.items():
        found.tree.file(path, text.encode())
    for path, mode in DIRECTORIES.items():
        found.tree.directory(path, mode)
    return found.tree.tar(epoch), sorted(found.taken, key=lambda package: package.name)


def berth_layer(made, epoch):
    tree = Tree()
    for path in BERTH:
        tree.file(path, made.read(path), 0o755)
    tree.file("usr/share/doc/berth/copyright", made.read("usr/share/doc/berth/copyright"))
    tree.file("var/lib/dpkg/status.d/berth", made.package.control.encode())
    return tree.tar(epoch)
