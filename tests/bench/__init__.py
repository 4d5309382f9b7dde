# SPDX-License-Identifier: Apache-2.0
"""How fast berth is, beside other registries."""
