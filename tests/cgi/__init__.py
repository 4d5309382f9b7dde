# SPDX-License-Identifier: Apache-2.0
"""The protocol, asked of the program as a plain CGI. tests/live asks the same of each web server, so a test here uses
no more than a front, brings its own repository names, and reads the store only where it looks for something.

A docstring that begins with a number answers a check of the specification's conformance suite: 3a.1 to 3a.32 are those
of the suite released with version 1.1, in its order, and 3b.1 to 3b.13 the subjects of the rewritten one. Modules whose
name begins with test_only_ need what a web server does not let through; the others run everywhere."""
