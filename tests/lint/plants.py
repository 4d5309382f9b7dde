# SPDX-License-Identifier: Apache-2.0
"""What each check must find: violations that the self-test plants into a copy of a small part of the tree."""

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
SCRIPT = "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"
PYTHON = "# SPDX-License-Identifier: Apache-2.0\n"
MANUAL = '.\\" SPDX-License-Identifier: Apache-2.0\n.Dd November 24, 2026\n.Dt PLANT 1\n.Os\n.Sh NAME\n'

# The part that is copied. It is clean, or the self-test says nothing.
COPIED = (".clang-format", ".clang-tidy", "src/base/banned.h", "src/base/buf.c", "src/base/buf.h", "src/base/mem.c",
          "src/base/mem.h", "tests/lint/tree.py", "tests/lint/run")

# (check, file, text that is appended to it; perhaps another file and its text)
PLANTS = (
    ("layers", "src/base/buf.h", '#include "oci/name.h"\n'),
    ("layers", "src/oci/plant.c", SPDX + '#include "store/store.h"\n'),
    ("layers", "src/registry/plant.c", SPDX + '#include "http/request.h"\n'),
    ("layers", "src/cli/plant.c", SPDX + '#include "store/store.h"\n'),
    ("layers", "src/admin/plant.c", SPDX + '#include "api/api.h"\n'),
    ("layers", "src/base/plant.c", SPDX + '#include "buf.h"\n'),
    ("layers", "src/other/plant.c", SPDX + '#include "base/buf.h"\n'),
    ("wrappers", "src/base/plant.h", SPDX + "#include <json-c/json.h>\n"),
    ("wrappers", "src/base/buf.c", "#include <linux/openat2.h>\n", "src/base/mem.c", "#include <linux/openat2.h>\n"),
    ("banned", "src/base/plant.c", SPDX + "void f(char *a)\n{\n    strcpy(a, \"\");\n}\n"),
    ("banned", "tests/plant.c", SPDX + "int f(void)\n{\n    return system (\"x\");\n}\n"),
    ("sizes", "src/base/plant.c", SPDX + "\n" * 600),
    ("sizes", "src/base/buf.c", "static void f(void)\n{\n" + "    ;\n" * 59 + "}\n"),
    ("thin", "src/admin/plant.c", SPDX + "\n" * 250),
    ("thin", *(part for n in range(24) for part in (f"src/admin/plant{n}.c", SPDX + "\n" * 249)), "src/admin/plant.h", SPDX),
    ("thin", "src/store/plant.h", SPDX + "\n" * 1750, "src/store/plant.c", SPDX + "\n" * 1750),
    ("sizes", "tests/plant.py", PYTHON + "def f():\n" + "    pass\n" * 60),
    ("licence", "src/base/plant.h", "/* nothing */\n"),
    ("licence", "etc/plant.conf", "# nothing\n"),
    ("licence", "debian/plant.install", "usr/bin/plant\n"),
    ("licence", "tests/plant.py", "#!/usr/bin/python3\nprint()\n"),
    ("names", "src/base/plant.h", SPDX + "#define _PLANT_H\n"),
    ("names", "tests/plant.c", SPDX + "static int __plant;\n"),
    ("names", "src/store/plant.c", SPDX + 'static const char *path = "repositories/a/_layers";\n'),
    ("names", "tests/_plant.py", PYTHON),
    ("prefixes", "src/base/plant.c", SPDX + "int plants(int n)\n{\n    return n;\n}\n"),
    ("prefixes", "src/base/plant.c", SPDX + "static int f(void)\n{\n}\n\nconst char *other(int n, char *s)\n{\n}\n"),
    ("prefixes", "src/base/plant.h", SPDX + "static inline int other(int n)\n{\n    return n;\n}\n"),
    ("alike", "src/base/bufs.c", SPDX),
    ("alike", "src/base/but.h", SPDX),
    ("circles", "src/base/plant.h", SPDX + '#include "base/plant2.h"\n', "src/base/plant2.h", '#include "base/plant.h"\n'),
    ("linkage", "Makefile.am", "ALL = libberth.a $(MORE)\nMORE = -lm libpack.a\nberth_fcgi_LDADD = \\\n\t$(ALL)\n"),
    ("linkage", "Makefile.am", "berth_fcgi_LDADD = libberth.a $(ARCHIVE_LIBS)\n"),
    ("headers", "src/base/plant.h", SPDX + "int plant(size_t n);\n"),
    ("headers", "src/base/mem.h", "int plant(struct unknown { int x; } y);\n"),
    ("gcc", "src/base/plant.c", SPDX + "int plant(int n);\nint plant(int n)\n{\n    int unused;\n    return n;\n}\n"),
    ("clang", "src/base/plant.c", SPDX + "int plant(int n);\nint plant(int n)\n{\n    n = n;\n    return n;\n}\n"),
    ("formatting", "src/base/plant.c", SPDX + "int plant ( int n ) { return n; }\n"),
    ("cppcheck", "src/base/plant.c", SPDX + "int plant(void)\n{\n    int a[2] = {0};\n    return a[2];\n}\n"),
    ("tidy", "src/base/plant.c",
     SPDX + "#include <stdlib.h>\nvoid plant(void)\n{\n    char *s = malloc(3);\n    if (s)\n        s[0] = 1;\n}\n"),
    ("tidy", "src/base/plant.c", SPDX + "int plant(const char *s)\n{\n    return s ? 1 : *s;\n}\n"),
    ("tidy", "src/base/plant.c",
     SPDX + "#include <string.h>\nvoid plant(int *v, size_t n)\n{\n    memset(v, '0', n);\n}\n"),
    ("spelling", "src/base/plant.c", SPDX + "/* It re" "cieves. */\n"),
    ("spelling", "README.md", "It is nec" "cessary.\n"),
    ("manuals", "man/plant.1", MANUAL + ".Nosuch\n"),
    ("manuals", "man/plant.1", MANUAL + ".Dl " + "x" * 100 + "\n"),
    ("shell", "etc/plant.sh", SCRIPT + "if true; then\n"),
    ("shell", "quickstart", SCRIPT + "case x in\n"),
    ("shell", "debian/plant.postinst", SCRIPT + "if true; then\n"),
    ("shell", "debian/plant", PYTHON + "# shellcheck shell=sh\nf() {\n"),
    ("python", "tests/plant.py", PYTHON + "def f(:\n"),
    ("python", "tests/plant", "#!/usr/bin/python3\n" + PYTHON + "print(\n"),
)
