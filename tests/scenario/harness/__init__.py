# SPDX-License-Identifier: BSD-3-Clause
"""What every scene is built from: namespaces, one node, phones, and eyes on the wire."""
