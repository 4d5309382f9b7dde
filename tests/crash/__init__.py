# SPDX-License-Identifier: Apache-2.0
"""The ring of power cuts: what was acknowledged is there in every state of the disk that a cut may leave."""
