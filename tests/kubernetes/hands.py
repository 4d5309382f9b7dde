# SPDX-License-Identifier: Apache-2.0
"""Somebody who types what docs/kubernetes.md says, in a checkout, before a cluster. Where the page wants a program that no cluster of
these tests has something for, one stands in that notes its call: docker and kind, and ctr on a node. `kubectl exec` runs berth here,
with the configuration and the logins that the cluster has."""

import base64
import os
import shutil
import subprocess

from tests.lib.kubernetes import KUBECTL
from tests.lib.paths import BUILD, CHECKOUT

NOTES = '#!/bin/sh\necho "$(basename "$0") $*" >> "$NOTED"\ncase "$*" in *"list -q") echo docker.io/library/berth:0.1.0 ;; esac\n'
# What needs a kubelet asks at least whether that of which it is told is there.
WRAPPER = """#!/bin/sh
case " $* " in
*" exec "*)
    what=$(echo "$*" | sed 's/.* exec \\([^ ]*\\) .*/\\1/')
    {kubectl} -n berth get "$what" >/dev/null || exit 1
    while [ "$1" != -- ]; do shift; done
    shift
    exec "${{@/#\\/var\\/lib\\/registry/$BERTH_ROOT}}" ;;
*" logs "*) exec {kubectl} -n berth get "${{!#}}" ;;
*" port-forward "*)
    {kubectl} -n berth get "$4" -o 'jsonpath={{.spec.ports[0].port}}' | grep -x "${{5#*:}}" >/dev/null || exit 1
    echo "kubectl $*" >> "$NOTED" ;;
*) exec {kubectl} "$@" ;;
esac
"""


class Hands:
    def __init__(self, cluster, home):
        self.cluster, self.home, self.noted = cluster, home, home / "noted"
        shutil.copytree(CHECKOUT / "packaging/kubernetes", home / "packaging/kubernetes")
        (home / "build/image").mkdir(parents=True)
        (home / "build/image/berth.tar").touch()
        (home / "bin").mkdir()
        for name in ("docker", "kind", "ctr"):
            self.program(name, NOTES)
        self.program("kubectl", WRAPPER.format(kubectl=shutil.which(KUBECTL)).replace("#!/bin/sh", "#!/bin/bash", 1))
        (home / "etc").mkdir()
        for name in ("repositories", "blobs"):
            (home / "store/docker/registry/v2" / name).mkdir(parents=True)

    def program(self, name, text):
        (self.home / "bin" / name).write_text(text)
        (self.home / "bin" / name).chmod(0o755)

    @property
    def base(self):
        return self.home / "packaging/kubernetes/base"

    def type(self, text, at=".", **env):
        """The output of commands of which the last one succeeds, and each before it."""
        self.noted.write_text("")
        done = subprocess.run(["bash", "-ec", text], cwd=self.home / at, capture_output=True, text=True, check=False, timeout=300, env={
            **self.cluster.env, "PATH": f"{self.home}/bin:{BUILD}:{os.environ['PATH']}", "NOTED": str(self.noted),
            "BERTH_CONF": str(self.home / "etc/berth.conf"), "BERTH_ROOT": str(self.home / "store"), **env})
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def calls(self):
        return self.noted.read_text().splitlines()

    def mount(self):
        """What a pod has in /etc/berth goes where berth finds it here."""
        pod, = self.cluster.pods("registry")
        sources, = (volume["projected"]["sources"] for volume in pod["spec"]["volumes"] if "projected" in volume)
        for source in sources:
            kind, path = ("configmaps", "configMap") if "configMap" in source else ("secrets", "secret")
            data = self.cluster.get(f"/api/v1/namespaces/berth/{kind}/{source[path]['name']}")["data"]
            for name, text in data.items():
                content = text.encode() if kind == "configmaps" else base64.b64decode(text)
                for there, here in ("/etc/berth", self.home / "etc"), ("/var/lib/registry", self.home / "store"):
                    content = content.replace(there.encode(), bytes(here))
                (self.home / "etc" / name).write_bytes(content)
