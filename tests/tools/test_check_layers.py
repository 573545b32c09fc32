"""tools/check_layers catches each breach it promises to catch, on small trees that are lawful otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RULES = """
[floors]
0 = ["base"]
1 = ["ledger", "store"]
2 = ["query"]
[foreign]
"arrow/" = ["*"]
"arrow/csv/" = ["store"]
"sqlite3.h" = ["ledger"]
[system]
headers = ["unistd.h"]
[tests]
files = ["_test.cc", "_matchers.h"]
foreign = ["gtest/"]
[restricted]
"base/key.h" = ["query"]
[sizes]
cc = 30
h = 20
py = 30
function = 10
[names]
junk = ["util", "common", "helper", "manager", "misc"]
"""

MAP = """
| Floor | Room | What |
|---|---|---|
| 0 | `base/` | ground |
| 1 | `ledger/` | rows |
| 1 | `store/` | blobs |
| 2 | `query/` | reads |

| Folder | What |
|---|---|
| `src/` | all |
"""


class Tree:
    """A small repository that keeps the rules until a test breaks one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("rules.toml", RULES)
        self.write("ARCHITECTURE.md", MAP)
        self.write("src/base/error.h", "#pragma once\n#include <string>\n")
        self.write("src/base/key.h", "#pragma once\n")
        self.write("src/ledger/ledger.h", '#pragma once\n#include "base/error.h"\n')
        self.write("src/ledger/ledger.cc", '#include "ledger/ledger.h"\n#include <sqlite3.h>\n#include <unistd.h>\n')
        self.write("src/store/store.h", "#pragma once\n#include <arrow/type_fwd.h>\n#include <arrow/csv/api.h>\n")
        self.write(
            "src/query/session.cc", '#include "base/key.h"\n#include "ledger/ledger.h"\n#include "store/store.h"\n'
        )
        self.write("src/query/session_test.cc", "#include <gtest/gtest.h>\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def check(self, repository: Path) -> tuple[int, str]:
        command = [sys.executable, str(repository / "tools" / "check_layers")]
        command += ["--root", str(self.root), "--rules", str(self.root / "rules.toml")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.stderr == ""
        return done.returncode, done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_lawful_tree_passes(tree: Tree, repository: Path) -> None:
    code, output = tree.check(repository)
    assert (code, output) == (0, "layers: 4 rooms keep the rules\n")


def test_this_repository_keeps_its_rules(repository: Path) -> None:
    done = subprocess.run([sys.executable, str(repository / "tools" / "check_layers")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


LONG_FUNCTION = "void Long() {\n" + "  ;\n" * 12 + "}\n"

BREACHES = {
    "upward include": (
        "src/base/error.h",
        '#include "query/session.h"\n',
        'src/base/error.h:1: upward include "query/session.h"',
    ),
    "sibling include": (
        "src/store/store.h",
        '\n#include "ledger/ledger.h"\n',
        'store.h:2: sibling include "ledger/ledger.h"',
    ),
    "foreign header": ("src/store/store.h", "#include <sqlite3.h>\n", "<sqlite3.h> belongs to ledger, not to store/"),
    "longest rule wins": ("src/base/error.h", "#include <arrow/csv/api.h>\n", "<arrow/csv/api.h> belongs to store"),
    "unknown foreign header": ("src/base/error.h", "#include <boost/any.hpp>\n", "<boost/any.hpp> has no room"),
    "test header outside a test": ("src/base/error.h", "#include <gtest/gtest.h>\n", "<gtest/gtest.h> has no room"),
    "test-only header of ours": ("src/query/x.cc", '#include "base/error_matchers.h"\n', "is for tests only"),
    "restricted header": (
        "src/store/store.h",
        '#include "base/key.h"\n',
        'restricted header "base/key.h" is for query only',
    ),
    "include without a room": ("src/store/store.h", '#include "store.h"\n', '"store.h" is not room/file.h'),
    "unknown room": ("src/attic/old.h", "#pragma once\n", "'attic' is not a room"),
    "long source": ("src/base/error.cc", ";\n" * 31, "error.cc:30: 31 lines, at most 30"),
    "long header": ("src/base/error.h", ";\n" * 21, "error.h:20: 21 lines, at most 20"),
    "long function": (
        "src/base/error.cc",
        "namespace x {\n" + LONG_FUNCTION + "}\n",
        "error.cc:2: function of 14 lines",
    ),
    "long method": (
        "src/base/error.cc",
        "class A final : B {\n public:\n  " + LONG_FUNCTION + "};\n",
        "error.cc:3: function of 14",
    ),
    "long Python function": ("tools/x.py", "def f():\n" + "    pass\n" * 11, "x.py:1: function of 12 lines"),
    "junk file": ("src/base/string_util.h", "#pragma once\n", "'string_util.h' says nothing"),
    "junk folder": ("tools/misc/x.txt", "", "'misc' says nothing"),
    "junk class": ("src/base/error.h", "\nclass TableManager {};\n", "error.h:2: 'TableManager' says nothing"),
    "map without a folder": ("web/x.ts", "", "the map does not name the folder web/"),
    "map without a room": (
        "ARCHITECTURE.md",
        MAP.replace("| 1 | `store/` | blobs |\n", ""),
        "the map does not name the room src/store/",
    ),
    "map of a room that is gone": ("ARCHITECTURE.md", MAP + "| 2 | `moat/` | water |\n", "the map names src/moat/"),
    "map of a folder that is gone": ("ARCHITECTURE.md", MAP + "| `moat/` | water |\n", "the map names moat/"),
    "map with a wrong floor": (
        "ARCHITECTURE.md",
        MAP.replace("| 1 | `store/`", "| 2 | `store/`"),
        "the map puts store/ on floor 2",
    ),
    "build with a wrong floor": ("cmake/rooms.cmake", "millpond_room(store FLOOR 2)\n", "store/ is on floor 1"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_breach_is_caught(name: str, tree: Tree, repository: Path) -> None:
    path, text, expected = BREACHES[name]
    if path.startswith("cmake/"):
        tree.write("ARCHITECTURE.md", MAP + "| `cmake/` | build |\n")
    tree.write(path, text)
    code, output = tree.check(repository)
    assert code == 1
    assert expected in output


def test_ring_of_files_in_one_room_is_caught(tree: Tree, repository: Path) -> None:
    tree.write("src/base/a.h", '#include "base/b.h"\n')
    tree.write("src/base/b.h", '#include "base/c.h"\n')
    tree.write("src/base/c.h", '#include "base/a.h"\n')
    code, output = tree.check(repository)
    assert code == 1
    assert "ring of files: base/a.h -> base/b.h -> base/c.h -> base/a.h" in output
    assert "ring of rooms" not in output


def test_ring_of_rooms_is_caught(tree: Tree, repository: Path) -> None:
    tree.write("src/base/error.cc", '#include "store/store.h"\n')
    tree.write("src/store/blob.cc", '#include "base/error.h"\n')
    code, output = tree.check(repository)
    assert code == 1
    assert "ring of rooms: base -> store -> base" in output


HARMLESS = """
#define BEGIN if (true) {
/* void Comment() { */
const char* kText = "{ {";
const char* kRaw = R"x({ " )" {)x";
const int kTable[] = {
1,
2,
3,
4,
5,
6,
7,
8,
9,
10,
};
struct Point { int x{0}; Point() : x{1} {} };
void Short(int a = 1'000) { if (a) { a = '{'; } }
"""


def test_braces_in_text_and_tables_are_no_functions(tree: Tree, repository: Path) -> None:
    tree.write("src/base/error.cc", HARMLESS)
    assert tree.check(repository)[0] == 0
