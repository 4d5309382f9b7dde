# SPDX-License-Identifier: Apache-2.0
"""The volumes of a pod, made on the disk of a node as a kubelet makes them: modes, owners, links and file systems."""

import os
import secrets
import shutil
import stat
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.lib.manifests import Fields, data_of, quantity

SECTION = "kubernetes.io~"
READ_WRITE, READ_ONLY, SEARCH = 0o660, 0o440, 0o110  # what a group gets of files, and of directories


@dataclass
class Volume:
    """path is where the node has it. Files that come from objects of the cluster are read-only for every container."""
    path: str
    readonly: bool = False
    objects: object = None  # reads the files anew


def give_to_group(top, gid, readonly):
    """What fsGroup means, for all that is there."""
    for directory, directories, files in os.walk(top):
        for path in [directory] + [os.path.join(directory, name) for name in directories + files]:
            os.lchown(path, -1, gid)
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode):
                more = READ_ONLY if readonly else READ_WRITE
                if stat.S_ISDIR(mode):
                    more |= stat.S_ISGID | SEARCH
                os.chmod(path, stat.S_IMODE(mode) | more)


def has_group(top, gid):
    """Whether OnRootMismatch has nothing to do."""
    found = os.stat(top)
    wanted = READ_WRITE | SEARCH | stat.S_ISGID
    return found.st_gid == gid and found.st_mode & wanted == wanted


class Volumes:
    """Of one pod. `node` makes paths and mounts, `claims` are {name of a PersistentVolumeClaim: directory of the node}."""

    def __init__(self, node, directory, objects, claims):
        self.node, self.directory, self.objects, self.claims = node, directory, objects, claims
        self.group, self.policy = None, "Always"
        self.volumes, self.mounted = {}, []

    def make(self, spec, group, policy):
        """Of the `volumes` of a pod's spec."""
        self.group, self.policy = group, policy or "Always"
        makers = {"configMap": self._config_map, "secret": self._secret, "emptyDir": self._empty,
                  "persistentVolumeClaim": self._claim, "hostPath": self._host_path, "projected": self._projected}
        for fields in spec.each("volumes"):
            with fields:
                name = fields.need("name")
                kind, = fields.left or ["nothing"]
                assert kind in makers, f"{fields.where}: volumes of {kind} are not known here"
                with fields.inside(kind) as source:
                    self.volumes[name] = makers[kind](name, source)

    def _new(self, plugin, name, size=None):
        """An empty directory, in memory if it has a size ("" is any)."""
        path = f"{self.directory}/volumes/{SECTION}{plugin}/{name}"
        os.makedirs(self.node.path(path))
        if size is not None:
            self.node.run("mount", "-t", "tmpfs", "-o", f"mode=777{size and f',size={size}'}", "tmpfs", path)
            self.mounted.append(path)
        os.chmod(self.node.path(path), 0o777)
        return path

    def _own(self, path, readonly=False):
        if self.group is not None:
            give_to_group(self.node.path(path), self.group, readonly)

    def _empty(self, name, source):
        memory, size = source.only("medium", None, "", "Memory"), source.take("sizeLimit")
        path = self._new("empty-dir", name, str(int(quantity(size))) if size else "") if memory else self._new("empty-dir", name)
        self._own(path)
        return Volume(path)

    def _claim(self, name, source):
        assert not source.take("readOnly"), f"{source.where}.readOnly"
        path = self.claims[source.need("claimName")]
        if self.group is not None and not (self.policy == "OnRootMismatch" and has_group(self.node.path(path), self.group)):
            self._own(path)
        return Volume(path)

    def _host_path(self, name, source):
        """It belongs to whom it belongs: no fsGroup."""
        path = source.need("path")
        kind = source.only("type", None, "", "Directory", "DirectoryOrCreate")
        if kind == "DirectoryOrCreate" and not self.node.path(path).exists():
            os.makedirs(self.node.path(path), 0o755)
        assert kind in (None, "") or self.node.path(path).is_dir(), f"hostPath type check failed: {path} is not a directory"
        return Volume(path)

    def _config_map(self, name, source):
        said = source.take("name"), source.take("items"), source.take("optional"), source.take("defaultMode", 0o644)
        return self._files("configmap", name, lambda: self._keys("ConfigMap", *said))

    def _secret(self, name, source):
        said = source.take("secretName"), source.take("items"), source.take("optional"), source.take("defaultMode", 0o644)
        return self._files("secret", name, lambda: self._keys("Secret", *said), "")

    def _projected(self, name, source):
        mode, parts = source.take("defaultMode", 0o644), []
        for fields in source.each("sources"):
            with fields:
                kind, = fields.left
                assert kind in ("configMap", "secret"), f"{fields.where}: sources of {kind} are not known here"
                with fields.inside(kind) as part:
                    parts.append((kind[0].upper() + kind[1:], part.take("name"), part.take("items"), part.take("optional"), mode))

        def read():
            return {path: file for part in parts for path, file in self._keys(*part).items()}
        return self._files("projected", name, read, "")

    def _keys(self, kind, name, items, optional, mode):
        """{path: (content, mode)} of a ConfigMap or a Secret. Without it the pod does not start, unless it is optional."""
        document = self.objects.get(kind, name)
        assert document or optional, f"{kind} {name} not found"
        data = data_of(document) if document else {}
        if items is None:
            return {key: (value, mode) for key, value in data.items()}
        found = {}
        for item in items:
            with Fields(item, f"{kind} {name}.items") as fields:
                key, path, own = fields.need("key"), fields.need("path"), fields.take("mode", mode)
            assert key in data or optional, f"{kind} {name} has no {key}"
            if key in data:
                found[path] = data[key], own
        return found

    def _files(self, plugin, name, read, size=None):
        volume = Volume(self._new(plugin, name, size), True, read)
        self._write(volume)
        return volume

    def _write(self, volume):
        """A new directory, and then at once the link that names it: who has a file open keeps the old one."""
        top, fresh = self.node.path(volume.path), f"..{secrets.token_hex(6)}"
        (top / fresh).mkdir(mode=0o755)
        (top / fresh).chmod(0o755)
        files = volume.objects()
        for path, (content, mode) in files.items():
            file = top / fresh / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(mode)
        old = os.readlink(top / "..data") if (top / "..data").is_symlink() else None
        (top / "..data_tmp").symlink_to(fresh)
        os.rename(top / "..data_tmp", top / "..data")
        wanted = {PurePosixPath(path).parts[0] for path in files}
        there = {entry.name for entry in top.iterdir() if not entry.name.startswith("..")}
        for entry in wanted - there:
            (top / entry).symlink_to(f"..data/{entry}")
        for entry in there - wanted:
            (top / entry).unlink()
        if old:
            shutil.rmtree(top / old)
        self._own(volume.path, readonly=True)

    def refresh(self):
        """What changed in the objects arrives, as within a minute or two on a node."""
        for volume in self.volumes.values():
            if volume.objects:
                self._write(volume)

    def mount(self, fields):
        """A `volumeMount` of a container, as it is told to the runtime."""
        with fields:
            volume = self.volumes[fields.need("name")]
            fields.only("mountPropagation", None, "None")
            part, source = fields.take("subPath"), volume.path
            if part:
                source = self._part(volume, part)
            return {"container_path": fields.need("mountPath"), "host_path": source,
                    "readonly": bool(fields.take("readOnly")) or volume.readonly}

    def _part(self, volume, part):
        """The directory or file itself, which does not change when the link above it does."""
        assert not PurePosixPath(part).is_absolute() and ".." not in PurePosixPath(part).parts, part
        top = self.node.path(volume.path)
        if volume.objects:
            return f"{volume.path}/{os.readlink(top / '..data')}/{part}"
        if not (top / part).exists():
            (top / part).mkdir(parents=True)
            shutil.copymode(top, top / part)
        return f"{volume.path}/{part}"

    def remove(self):
        """Not what claims and paths of the node hold."""
        for path in reversed(self.mounted):
            self.node.run("umount", path)
        shutil.rmtree(self.node.path(self.directory))
