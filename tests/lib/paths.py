# SPDX-License-Identifier: Apache-2.0
"""Where things are."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# An out-of-tree build; another than the ordinary one, such as that with sanitizers, is named by BERTH_BUILD.
BUILD = Path(os.environ.get("BERTH_BUILD") or CHECKOUT / "build").resolve()
ETC = CHECKOUT / "etc"
