# SPDX-License-Identifier: Apache-2.0
"""Where things are."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# An out-of-tree build; another than the ordinary one, such as that with sanitizers, is named by BERTH_BUILD.
BUILD = Path(os.environ.get("BERTH_BUILD") or CHECKOUT / "build").resolve()
ETC = CHECKOUT / "etc"
# For thousands of stores, which take long on a disk; None: where temporary files are.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# What sanitizers find is to end programs as the run of the tests says.
SANITIZING = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
