"""The rules of the house, held against the sources; and the checker, held against small trees that break one rule each.

`ARCHITECTURE.md` tells the rules in words.
"""

import re
import shutil
from pathlib import Path

import pytest

from tests.house import House, Violation, violations

ROOT = Path(__file__).parents[2]
PACKAGES = ("infra", "schemas", "connectors", "producers", "streams")

HOUSE = House(
    layers=(
        ("infra",),
        ("schemas",),
        ("connectors", "producers"),
        ("streams/topics",),
        ("streams/trading", "streams/market"),
        ("streams/delivery",),
        ("streams/agents",),
        ("streams/worker.py",),
        ("streams/__init__.py",),
        ("streams/audit", "streams/recordings"),
        ("streams/warehouse", "streams/notify", "streams/guard"),
        ("streams/backtest/engine",),
        ("streams/archive", "streams/backtest", "streams/replay", "streams/web"),
        ("streams/backtest/report",),
        ("streams/cli",),
        ("streams/demo",),
    ),
    exceptions={
        ("streams/replay/archived.py", "streams/archive"): "a day of the archive is one of the sources of a replay",
    },
    pure=(
        "streams/trading",
        "streams/market",
        "infra/kept.py",
        "schemas/checks.py",
        "schemas/errors.py",
        "schemas/gap_records.py",
        "schemas/journal_records.py",
        "schemas/market_records.py",
        "schemas/order_ids.py",
        "schemas/parameters.py",
        "schemas/records.py",
        "schemas/symbols.py",
        "schemas/units.py",
        "schemas/watches.py",
        "streams/guard/judge.py",
        "streams/notify/chat.py",
        "streams/notify/gaps.py",
        "streams/notify/hub.py",
        "streams/notify/ledger.py",
        "streams/notify/notices.py",
        "streams/notify/sinks/outcome.py",
        "streams/web/model",
    ),
    pure_imports=frozenset(
        {
            "array.array",
            "base64.b32encode",
            "bisect.bisect_left",
            "bisect.bisect_right",
            "collections.abc",
            "collections.deque",
            "dataclasses",
            "decimal",
            "enum",
            "functools.cache",
            "functools.lru_cache",
            "hashlib.sha256",
            "json.dumps",
            "math.gcd",
            "msgspec",
            "numba",
            "numpy",
            "re",
            "typing",
        }
    ),
    documented=(
        "streams/trading",
        "streams/market",
        "streams/delivery",
        "streams/guard",
        "streams/notify",
        "streams/web",
        "schemas",
    ),
    entry_points={
        "infra/vulnerabilities.py": "make lint",
        "infra/__main__.py": "python -m infra",
        "connectors/__main__.py": "python -m connectors",
        "producers/__main__.py": "python -m producers",
        "producers/local_exchange/__main__.py": "python -m producers.local_exchange",
        "schemas/sql/migrations/env.py": "Alembic",
        "schemas/sql/migrations/versions/[0-9]*.py": "Alembic",
        "streams/__init__.py": "faust -A streams",
        "streams/cli/main.py": "the command hedgehog, in pyproject.toml",
        "streams/demo/__main__.py": "python -m streams.demo",
    },
)

SMALL = House(
    layers=(("ground",), ("core",), ("left", "right"), ("roof/hall",), ("roof",)),
    exceptions={("left/bridge.py", "right/b.py"): "it leads there"},
    pure=("core",),
    pure_imports=frozenset({"math.gcd", "numpy", "typing"}),
    documented=("core",),
    entry_points={"roof/start.py": "the program", "core/[0-9]*.py": "the database"},
)

EXACT = '''
import numpy as np
from math import gcd
from typing import NamedTuple
from core.steps import STEP

class Price(NamedTuple):
    """A price."""
    open: int
    average: int

    def _half(self, times):
        def halved(): return self.open // 2 ** (times - 1)
        return halved()

def _lowest(num, den):
    num //= gcd(num, den)
    return np.full(num, 1)
'''

SOUND = {
    "core/__init__.py": "",
    "core/exact.py": EXACT,
    "core/steps.py": "STEP = 1",
    "core/01_first.py": "import core.exact\ndef upgrade(): ...",
    "ground/__init__.py": "",
    "ground/base.py": "import time\nHALF = 1 / 2\ndef undocumented(): return float(open('x').read())",
    "ground/long.py": "\n" * 340 + "def just_short_enough():\n" + "    x = 1\n" * 59,
    "left/__init__.py": "",
    "left/a.py": "from left.inner import DATA",
    "left/bridge.py": "from right import b",
    "left/inner/__init__.py": "from left.inner.data import DATA",
    "left/inner/data.py": "from left import shared\nDATA = files('left.inner')",
    "left/shared.py": "from ground.base import HALF\nfrom core.exact import Price",
    "right/__init__.py": "import right",
    "right/b.py": "import core.exact\nfrom . import c",
    "right/c.py": "TEXT = ['not left.a', 'left.a.txt', 'left']",
    "roof/__init__.py": "",
    "roof/hall/__init__.py": "",
    "roof/hall/door.py": "from ground import base, long",
    "roof/hallway.py": "import roof.lamp",
    "roof/lamp.py": "",
    "roof/start.py": "import left.a, left.bridge, right.b, roof.hallway\ndef main():\n    from roof.hall import door",
    "tests/__init__.py": "",
    "tests/test_a.py": "from roof import start\ndef test_a(): assert 1.5",
}
"""A tree that breaks no rule of SMALL, with much that comes near to it."""

ABOVE = "imports right/b.py, but right stands above ground: move what both need below them, or pass it in"
BESIDE = "imports right/c.py, but right stands beside left: move what both need below them, or pass it in"
LATE = "imports roof/late.py, but roof stands above roof/hall: move what both need below them, or pass it in"
HOMELESS = "stands in no layer: name its package in the table of layers, or move it"
TURN = "turn one of these imports round, or move what both need"
OUTSIDE = "clock, I/O, chance and threads belong to the caller"
REACHES_OUT = "reaches outside: let the caller do it"
DIVIDES = "this division makes a float: divide with //"
INEXACT = "is not exact or not pure: use integers"
DEAD = "no entry point reaches this module: remove it, or list what starts it"
UNTOLD = "is public and has no docstring: say what it does and raises"

BREACHES: dict[str, tuple[dict[str, str], list[str]]] = {
    # layers
    "an import from above": ({"ground/base.py": "import right.b"}, [f"ground/base.py:1: {ABOVE}"]),
    "from above, in a function": (
        {"ground/base.py": "def f():\n    from right.b import x, y"},
        [f"ground/base.py:2: {ABOVE}"],
    ),
    "from above, for types": (
        {"ground/base.py": "if TYPE_CHECKING:\n    from right import b"},
        [f"ground/base.py:2: {ABOVE}"],
    ),
    "from above, by its name": (
        {"ground/base.py": "STEPS = (\n    ('b', 'right.b'),\n)"},
        [f"ground/base.py:2: {ABOVE}"],
    ),
    "from above, by the name of what is in it": (
        {"ground/base.py": "LATER = load('right.b:x')"},
        [f"ground/base.py:1: {ABOVE}"],
    ),
    "from above, relative, in a package above its own": (
        {"roof/hall/door.py": "from ground import base, long\nfrom ..late import x", "roof/late.py": ""},
        [f"roof/hall/door.py:2: {LATE}"],
    ),
    "an import from beside": (
        {"left/shared.py": "from ground.base import HALF\nfrom right import c"},
        [f"left/shared.py:2: {BESIDE}"],
    ),
    "an import that an exception does not name": (
        {"left/bridge.py": "from right import b, c"},
        [f"left/bridge.py:1: {BESIDE}"],
    ),
    "an exception of no use": (
        {"left/bridge.py": ""},
        ["left/bridge.py:1: has no need of the exception for right/b.py: strike it from the table"],
    ),
    "a package without a layer": (
        {"attic/__init__.py": "", "right/c.py": "import attic"},
        [f"attic/__init__.py:1: {HOMELESS}"],
    ),
    # circles
    "a circle of files": (
        {"right/c.py": "\nimport right.b"},
        [f"right/b.py:2: a circle, right/b.py -> right/c.py -> right/b.py (right/b.py:2, right/c.py:2): {TURN}"],
    ),
    "a circle of three": (
        {"right/c.py": "from right import d", "right/d.py": "from right import b"},
        [
            "right/b.py:2: a circle, right/b.py -> right/c.py -> right/d.py -> right/b.py "
            f"(right/b.py:2, right/c.py:1, right/d.py:1): {TURN}"
        ],
    ),
    "a circle of packages and none of files": (
        {
            "left/shared.py": "from left.outer import one",
            "left/outer/one.py": "",
            "left/outer/two.py": "from left.inner import data",
            "left/a.py": "from left.inner import DATA\nimport left.outer.two",
            "left/inner/__init__.py": "from left.outer.one import x\nfrom left.inner.data import DATA",
            "left/inner/data.py": "",
            "left/bridge.py": "from right import b\nimport left.shared",
        },
        [
            "left/inner/__init__.py:1: a circle, left/inner -> left/outer -> left/inner "
            f"(left/inner/__init__.py:1, left/outer/two.py:1): {TURN}"
        ],
    ),
    "two circles in a folder": (
        {"right/c.py": "import right.b, right.d", "right/d.py": "import right.e", "right/e.py": "import right.d"},
        [
            f"right/b.py:2: a circle, right/b.py -> right/c.py -> right/b.py (right/b.py:2, right/c.py:1): {TURN}",
            f"right/d.py:1: a circle, right/d.py -> right/e.py -> right/d.py (right/d.py:1, right/e.py:1): {TURN}",
        ],
    ),
    # purity
    "a clock": ({"core/steps.py": "import time"}, [f"core/steps.py:1: imports time: {OUTSIDE}"]),
    "a clock, late": (
        {"core/steps.py": "def _now():\n    from datetime import datetime"},
        [f"core/steps.py:2: imports datetime.datetime: {OUTSIDE}"],
    ),
    "tasks": ({"core/steps.py": "import asyncio.queues as q"}, [f"core/steps.py:1: imports asyncio.queues: {OUTSIDE}"]),
    "chance": ({"core/steps.py": "from numpy import random"}, [f"core/steps.py:1: imports numpy.random: {OUTSIDE}"]),
    "chance, as an attribute": ({"core/steps.py": "X = np.random.rand()"}, [f"core/steps.py:1: .random {INEXACT}"]),
    "a name of a module that is not pure": (
        {"core/steps.py": "from math import gcd, sqrt"},
        [f"core/steps.py:1: imports math.sqrt: {OUTSIDE}"],
    ),
    "a module of ours that is not pure": (
        {"core/steps.py": "from ground.base import HALF"},
        ["core/steps.py:1: imports ground/base.py, which is not pure: let the caller pass in what it needs"],
    ),
    "a file": ({"core/steps.py": "X = open('x')"}, [f"core/steps.py:1: open() {REACHES_OUT}"]),
    "an import that hides": ({"core/steps.py": "X = __import__(X)"}, [f"core/steps.py:1: __import__() {REACHES_OUT}"]),
    "a float": (
        {"core/steps.py": "FEE = -0.001"},
        ["core/steps.py:1: 0.001 is a float: write integers, as counts of a unit or as numerator and denominator"],
    ),
    "a float by its type": (
        {"core/steps.py": "def _f(\n    x: list[float]\n): ..."},
        ["core/steps.py:2: float is not exact: use int"],
    ),
    "a float of numpy": ({"core/steps.py": "X = np.float64"}, [f"core/steps.py:1: .float64 {INEXACT}"]),
    "a float from an array": ({"core/steps.py": "X = STEPS.mean()"}, [f"core/steps.py:1: .mean {INEXACT}"]),
    "a division": ({"core/steps.py": "X = 4 / 2"}, [f"core/steps.py:1: {DIVIDES}"]),
    "a division in place": ({"core/steps.py": "X = 4\nX /= 2"}, [f"core/steps.py:2: {DIVIDES}"]),
    "a division by a power": (
        {"core/steps.py": "X = 4 * 10**-2"},
        [f"core/steps.py:1: {DIVIDES}"],
    ),
    # dead modules
    "a module that nobody imports": ({"left/idle.py": ""}, [f"left/idle.py:1: {DEAD}"]),
    "modules that only one another import": (
        {"left/idle.py": "import left.still", "left/still.py": "from ground.base import HALF"},
        [f"left/idle.py:1: {DEAD}", f"left/still.py:1: {DEAD}"],
    ),
    "a module that only its tests import": (
        {"left/idle.py": "", "tests/test_a.py": "import left.idle"},
        [f"left/idle.py:1: {DEAD}"],
    ),
    "a dead package": ({"left/old/__init__.py": ""}, [f"left/old/__init__.py:1: {DEAD}"]),
    # sizes
    "a long file": (
        {"ground/long.py": "\n" * 401},
        ["ground/long.py:401: 401 lines, 400 is the most: split the file by subject"],
    ),
    "a long file of tests": (
        {"tests/deep/test_b.py": "\n" * 402},
        ["tests/deep/test_b.py:401: 402 lines, 400 is the most: split the file by subject"],
    ),
    "a long function": (
        {"ground/long.py": "\ndef f():\n" + "    x = 1\n" * 60},
        ["ground/long.py:2: f has 61 lines, 60 is the most: split the function"],
    ),
    "a long coroutine in a class": (
        {"ground/long.py": "class C:\n    async def f(self):\n" + "        x = 1\n" * 60},
        ["ground/long.py:2: f has 61 lines, 60 is the most: split the function"],
    ),
    # docstrings
    "a function without docstring": ({"core/steps.py": "def f(): ..."}, [f"core/steps.py:1: f {UNTOLD}"]),
    "a coroutine without docstring": ({"core/steps.py": "async def f(): ..."}, [f"core/steps.py:1: f {UNTOLD}"]),
    "a class without docstring": ({"core/steps.py": "class C: ..."}, [f"core/steps.py:1: C {UNTOLD}"]),
    "a method without docstring": (
        {"core/steps.py": "class C:\n    '''A class.'''\n    def f(self): ...\n    def _g(self): ..."},
        [f"core/steps.py:3: f {UNTOLD}"],
    ),
}
"""What replaces or joins the files of SOUND, and what is then found."""


def plant(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def told(found: list[Violation]) -> list[str]:
    return [str(violation) for violation in found]


def test_a_sound_tree_breaks_no_rule(tmp_path: Path) -> None:
    plant(tmp_path, SOUND)
    assert told(violations(tmp_path, SMALL)) == []


@pytest.mark.parametrize(("files", "expected"), BREACHES.values(), ids=BREACHES)
def test_a_breach_is_found_with_its_line(files: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    plant(tmp_path, SOUND | files)
    assert told(violations(tmp_path, SMALL)) == expected


def test_an_entry_point_that_is_gone_is_struck_from_the_table(tmp_path: Path) -> None:
    plant(tmp_path, SOUND)
    (tmp_path / "core/01_first.py").unlink()
    assert told(violations(tmp_path, SMALL)) == [
        "core/[0-9]*.py:1: is listed as an entry point and is not there: strike it from the table"
    ]


@pytest.fixture(scope="module")
def breaches_today() -> list[str]:
    return told(violations(ROOT, HOUSE))


def test_the_sources_keep_the_rules(breaches_today: list[str]) -> None:
    assert breaches_today == []


def test_an_import_turned_upward_in_a_copy_of_the_sources_is_found(breaches_today: list[str], tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    lower, upper = tmp_path / "infra/errors.py", tmp_path / "streams/cli/errors.py"
    assert upper.exists()
    line = lower.read_text().count("\n") + 1
    lower.write_text(f"{lower.read_text()}from streams.cli.errors import CliError\n")

    found = [breach for breach in told(violations(tmp_path, HOUSE)) if breach not in breaches_today]

    assert (
        f"infra/errors.py:{line}: imports streams/cli/errors.py, but streams/cli stands above infra: "
        "move what both need below them, or pass it in"
    ) in found


def test_the_page_on_the_architecture_names_files_that_there_are() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`([a-z_]+(?:/[a-zA-Z_]+)*(?:\.(?:py|json|md))?)`", page)
    paths = [name for name in named if "/" in name and "NOUN" not in name]
    assert len(paths) > 40
    assert [path for path in paths if not any((ROOT / top / path).exists() for top in ("", "streams"))] == []
