"""The mutants of what reads recorded files and prepares their prices."""

from tests.mutants.runner import mutants_of

RECORDED = ("tests/unit/producers/recorded",)
FILES = ("tests/unit/streams/cli/backtest/test_files.py", "tests/unit/streams/replay", "tests/unit/streams/archive")
SCAN = mutants_of(
    "producers/recorded/scan.py",
    RECORDED,
    ("more decimals than eight are cut", "        if value % 10:\n", "        if False:\n"),
    ("an exponent has no sign", "return -value if minus else value, after", "return value, after"),
    ("a symbol is where its hash is", "0 < size == lengths[slot] and _same(data, first, symbols, slot, size)", "True"),
    ("numbers overflow", "    if digits + decimals > _DIGITS:\n", "    if False:\n"),
    ("what comes after the line is part of it", "    if data[at] != _NEWLINE:\n", "    if False:\n"),
    ("every amount is one", "return at if 0 < value <= PRICE_MAX else _DOUBT", "return at"),
)
READING = mutants_of(
    "producers/recorded/blocks.py",
    RECORDED,
    (
        "a header is a bad line",
        "if header is not None:\n                return None",
        "if False:\n                return None",
    ),
    ("a line's number is one short", "            self._line += 1\n            judged", "            judged"),
    ("a mark makes another line", "line = line.removeprefix(MARK)", "line = line"),
)
UNPACKED = mutants_of(
    "producers/recorded/unpacked.py",
    RECORDED,
    ("a whole block is read to see a line", "min(BEGIN_BYTES, BLOCK_BYTES)", "BLOCK_BYTES"),
    ("the last line needs an end", "    if rest:\n        yield rest", "    if False:\n        yield rest"),
    ("a file begins with a mark", "begin = begin.removeprefix(MARK)", "begin = begin"),
    ("an endless line is kept", "        if len(rest) > LINE_BYTES:\n", "        if False:\n"),
)
ORDERED = mutants_of(
    "producers/recorded/ordered.py",
    FILES,
    ("files may overlap", "ids_follow = self.first_id > before.last_id and", "ids_follow ="),
    ("event times may overlap", "return ids_follow and self.first_sent >= before.last_sent", "return ids_follow"),
    ("a file need not be in order", "and follows and _ascending(ids, times)", "and True"),
    ("a pipe is read twice", "    if not part.path.is_file():\n", "    if False:\n"),
)
ASSEMBLY = mutants_of(
    "streams/recordings/assembly.py",
    FILES,
    (
        "a trade counts twice",
        "        if not len(ids):\n            return\n        found",
        "        return\n        found",
    ),
    ("files are in order", "        if not self._in_order:\n", "        if False:\n"),
    (
        "a range ends with a millisecond more",
        " = _cut(columns, self._between)\n",
        " = _cut(columns, (None, None))\n",
    ),
)
ORDER = mutants_of(
    "streams/recordings/assembly.py",
    ("tests/unit/streams/recordings/test_assembly.py",),
    ("what follows the day before need not be later", " and ascending and follows\n", " and ascending\n"),
)
RANGES = mutants_of(
    "streams/recordings/ranges.py",
    ("tests/unit/streams/recordings/test_ranges.py",),
    ("a range ends with its end", "found & (values < until)", "found & (values <= until)"),
    ("all is in one range", "pairwise([None, *bounds, None])", "pairwise([None, None])"),
)
TWICE = mutants_of(
    "streams/recordings/twice.py",
    ("tests/unit/streams/recordings/test_assembly.py", "tests/property/test_assembly.py"),
    (
        "days with the same ids are compared by ranges",
        "merged(self._parts(whole, number), days)",
        "merged(self._parts(whole, number))",
    ),
    ("what is on two days is not looked at", "            days.check()\n", "            pass\n"),
    ("files stay as they are", "                raise ChangedSince\n", "                pass\n"),
    (
        "every file is read again",
        "some, lowest) < np.searchsorted(some, highest, ",
        "some, lowest) <= np.searchsorted(some, highest, ",
    ),
)
STORED = mutants_of(
    "streams/archive/store.py",
    FILES,
    (
        "what a bad file spilled is stored",
        "                    place.unlink()\n            continue\n",
        "                    pass\n",
    ),
    ("a bad file ends the import", "            bad.append(str(error))\n", "            raise\n"),
    (
        "a bad day ends the import",
        '            bad.append(f"{instrument} {day_name(day)}: {error}")\n',
        "            raise\n",
    ),
)
MERGED = mutants_of(
    "producers/recorded/merge.py",
    FILES,
    ("ids never begin anew", "& (days[1:] == days[:-1])\n    return same", "& True\n    return same"),
    ("a trade is on two days", "            others.check()\n", "            pass\n"),
)
OF_OTHERS = mutants_of(
    "producers/recorded/finding.py",
    FILES,
    ("a file of another symbol has to be readable", "and instrument not in instruments", "and False"),
)
LISTED = mutants_of(
    "streams/cli/archive/days.py",
    FILES,
    (
        "a damaged day ends the list",
        "            bad.append(str(error))\n            continue\n",
        "            raise\n",
    ),
)
TYPED = mutants_of(
    "streams/cli/instruments/settings_file.py",
    ("tests/unit/streams/cli/backtest/test_input.py",),
    ("a table begins with a mark", 'encoding="utf-8-sig"', 'encoding="utf-8"'),
    ("small numbers have no exponent", "    if NUMBER.fullmatch(text):\n", "    if False:\n"),
)
PLACES = mutants_of(
    "infra/ending.py",
    ("tests/unit/infra/test_main.py",),
    ("a bad variable ends in a traceback", "(StackError, OSError, ValidationError)\n", "(StackError, OSError)\n"),
)
PLACES += mutants_of(
    "infra/config.py",
    ("tests/unit/infra/test_config.py",),
    ("any text is a broker", "    if not whole:\n", "    if False:\n"),
)
PREPARED = mutants_of(
    "streams/backtest/engine/data.py",
    ("tests/unit/streams/backtest/engine/test_data.py",),
    (
        "a price off the tick is rounded",
        "last_bits % 2**twos == 0 and products < 2**top_bit\n",
        "True\n",
    ),
    ("only even prices may be off the tick", " and products < 2**top_bit\n", "\n"),
    ("only odd prices may be off the tick", "last_bits % 2**twos == 0 and products", "products"),
)

MUTANTS = (
    *SCAN,
    *READING,
    *UNPACKED,
    *ORDERED,
    *ASSEMBLY,
    *ORDER,
    *RANGES,
    *TWICE,
    *STORED,
    *MERGED,
    *OF_OTHERS,
    *LISTED,
    *TYPED,
    *PLACES,
    *PREPARED,
)
