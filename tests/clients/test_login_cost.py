# SPDX-License-Identifier: Apache-2.0
"""What a login costs a push: bcrypt is made to be slow, and a push is many requests."""

import os
import shutil
import statistics
import time

import pytest

from tests.conftest import running_front
from tests.lib import access, htpasswd, oci

COST = 12
USERS = {"alice": "alice's: password"}
LAYERS, SIZE = 10, 16 << 20
ROUNDS, MORE = 5, 15  # more where the machine is busy
RULES = 'repository "**" {{ pull = {{"users"}} push = {{"users"}} }}'


def make_image(layout):
    """An OCI layout of ten layers, which skopeo sends as they are."""
    (layout / "blobs/sha256").mkdir(parents=True)
    config = oci.Content(b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}', oci.OCI_CONFIG)
    layers = [oci.Content(os.urandom(SIZE), oci.OCI_LAYER) for _ in range(LAYERS)]
    manifest = oci.image(config.descriptor(), [layer.descriptor() for layer in layers])
    index = oci.index([manifest.descriptor()])
    for content in (config, manifest, *layers):
        (layout / "blobs" / content.digest.replace(":", "/")).write_bytes(content.data)
    (layout / "index.json").write_bytes(index.data)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return layout


def seconds(containers, front, image, *options):
    start = time.monotonic()
    containers.skopeo("copy", "--dest-tls-verify=false", *options, f"oci:{image}",
                      f"docker://127.0.0.1:{front.port}/{oci.fresh_name()}:1")
    return time.monotonic() - start


@pytest.mark.parametrize("way", ["tokens", "lighttpd's cache"])
def test_push_with_bcrypt_of_cost_12(containers, tmp_path, capsys, way):
    """At most 1.2 times as long as without a login; the median of pairs that ran one after the other."""
    with access.site(rules=RULES, tokens=way == "tokens", passwords=way == "tokens") as site:
        htpasswd.write(site.home / "users", USERS, COST)
        site.head = site.head.replace("none", "full")
        site.write(RULES)
        options = {"env": site.env} if way == "tokens" else {"auth": "login", "users": USERS, "cost": COST,
                                                              "env": {"BERTH_DURABILITY": "full"}}
        with (running_front("lighttpd", workers=4, env={"BERTH_DURABILITY": "full"}) as open_to_all,
              running_front("lighttpd", workers=4, **options) as guarded):
            credentials = f"--dest-creds=alice:{USERS['alice']}"
            ratios = []
            for i in range(MORE):
                image = make_image(tmp_path / str(i))  # skopeo would mount what it has pushed before
                without = seconds(containers, open_to_all, image)
                ratios.append(seconds(containers, guarded, image, credentials) / without)
                shutil.rmtree(image)
                if i + 1 >= ROUNDS and statistics.median(ratios) <= 1.2:
                    break
    with capsys.disabled():
        print(f"\npush with a login / without, {way}: " + " ".join(f"{ratio:.2f}" for ratio in ratios))
    assert statistics.median(ratios) <= 1.2, ratios
