"""Checks a source tree against the rules of the house: layers, circles, purity, dead modules, sizes, docstrings.

Files are named by their path from the root of the tree. Sources are parsed, never imported, so an import counts
wherever it stands: in a function, under `TYPE_CHECKING`, or as a string `package.module` or `package.module:name`.
"""

import ast
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

FILE_LINES = 400
FUNCTION_LINES = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef

BUILTINS = {"open", "input", "print", "exec", "eval", "__import__"}
"""Functions that reach outside, or hide what they reach."""
ATTRIBUTES = {"random", "datetime64", "mean", "std", "var", "divide", "true_divide"}
"""Names in numpy and on its arrays that are random, know the time or make floats; `float…` are others."""


class House(NamedTuple):
    """The rules' tables. A part is a package or a file, by its path; of two that hold a file, the longer counts."""

    layers: tuple[tuple[str, ...], ...]
    """From ground to roof. A part may import what stands in a layer below its own; parts of one layer stand beside."""
    exceptions: dict[tuple[str, str], str]
    """Other imports that are allowed, as importing and imported part, and why."""
    pure: tuple[str, ...]
    """Parts without clock, I/O, chance, threads or floats; they import one another and `pure_imports` only."""
    pure_imports: frozenset[str]
    """What is not of the tree: whole modules, or single names of modules that are not pure as a whole."""
    documented: tuple[str, ...]
    """Parts whose public functions, classes and methods have docstrings."""
    entry_points: dict[str, str]
    """Files, as patterns, that are started and not imported, and by what."""


class Import(NamedTuple):
    """One import of the file `source`: of the file `target` of the tree or else, where that is None, of `name`."""

    source: str
    line: int
    name: str
    target: str | None


class Arrow(NamedTuple):
    """An import of one file of the tree by another."""

    source: str
    line: int
    target: str


class Violation(NamedTuple):
    """A broken rule: where, and what to do."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Source(NamedTuple):
    """A parsed file."""

    lines: int
    nodes: list[ast.AST]
    """All of them, those of functions too."""
    body: list[ast.stmt]


Tree = dict[str, Source]


def violations(root: Path, house: House) -> list[Violation]:
    """Every violation in the tree at `root`, by file and line. In `tests` only sizes are looked at."""
    packages = sorted(path.parent.name for path in root.glob("*/__init__.py"))
    tree = _read(root, (package for package in packages if package != "tests"))
    imports = list(_imports(tree))
    arrows = [Arrow(i.source, i.line, i.target) for i in imports if i.target not in (None, i.source)]
    found = [
        *_upward(tree, arrows, house),
        *_circles(arrows),
        *_impure(tree, imports, house),
        *_dead(tree, arrows, house),
        *_oversized({**tree, **_read(root, ["tests"])}),
        *_undocumented(tree, house),
    ]
    return sorted(set(found))  # two names imported from one module are one breach


def _read(root: Path, folders: Iterable[str]) -> Tree:
    tree = {}
    for path in (path for folder in folders for path in sorted((root / folder).rglob("*.py"))):
        text = path.read_text()
        module = ast.parse(text, str(path))
        tree[path.relative_to(root).as_posix()] = Source(text.count("\n"), list(ast.walk(module)), module.body)
    return tree


def _imports(tree: Tree) -> Iterator[Import]:
    modules = {_module_name(path): path for path in tree}
    for path, source in tree.items():
        for line, name, is_string in _names(path, source):
            target = _resolved(name, modules)
            own_package = target is not None and _holds(target.removesuffix("/__init__.py"), path)
            if not is_string or (name in modules and not own_package):  # a package's name finds the data in it
                yield Import(path, line, name, target)


def _names(path: str, source: Source) -> Iterator[tuple[int, str, bool]]:
    """The lines and the dotted names of what is imported, and of strings that might name a module."""
    for node in source.nodes:
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name, False) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                package = ".".join(PurePosixPath(path).parts[:-level]) if level else ""
                base = ".".join(filter(None, (package, module)))
                yield from ((node.lineno, f"{base}.{alias.name}", False) for alias in names)
            case ast.Constant(value=str(text)) if "." in text:
                yield node.lineno, text.partition(":")[0], True


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _resolved(name: str, modules: dict[str, str]) -> str | None:
    """The file of a module, or of the module that something is imported from; None if it is not of the tree."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return modules.get(name)


def _holds(part: str, path: str) -> bool:
    return path == part or path.startswith(f"{part}/")


def _in(parts: Iterable[str], path: str) -> bool:
    return any(_holds(part, path) for part in parts)


def _upward(tree: Tree, arrows: list[Arrow], house: House) -> Iterator[Violation]:
    levels = {part: level for level, layer in enumerate(house.layers) for part in layer}
    part_of = {path: _part_of(path, levels) for path in tree}
    unused = dict(house.exceptions)
    for path, part in part_of.items():
        if part is None:
            yield Violation(path, 1, "stands in no layer: name its package in the table of layers, or move it")
    for source, line, target in arrows:
        upper, lower = part_of[source], part_of[target]
        if upper is None or lower is None or upper == lower or levels[lower] < levels[upper]:
            continue
        allowed = [pair for pair in house.exceptions if _holds(pair[0], source) and _holds(pair[1], target)]
        for pair in allowed:
            unused.pop(pair, None)
        if not allowed:
            where = "beside" if levels[lower] == levels[upper] else "above"
            text = (
                f"imports {target}, but {lower} stands {where} {upper}: move what both need below them, or pass it in"
            )
            yield Violation(source, line, text)
    for importing, imported in unused:
        yield Violation(importing, 1, f"has no need of the exception for {imported}: strike it from the table")


def _part_of(path: str, parts: Iterable[str]) -> str | None:
    return max((part for part in parts if _holds(part, path)), key=len, default=None)


def _circles(arrows: list[Arrow]) -> Iterator[Violation]:
    """Circles among the files and packages of one folder, each reported once.

    An import counts in the folder where the paths of the two files part. So files of a package may import a package
    within it, and be imported from there, as long as no file and no package depends on itself.
    """
    folders: dict[str, dict[tuple[str, str], Arrow]] = {}
    for arrow in sorted(arrows):
        ours, theirs = PurePosixPath(arrow.source).parts, PurePosixPath(arrow.target).parts
        common = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
        pair = "/".join(ours[: common + 1]), "/".join(theirs[: common + 1])
        folders.setdefault("/".join(ours[:common]), {}).setdefault(pair, arrow)
    for pairs in folders.values():
        while circle := _circle(pairs):
            steps = [pairs.pop(pair) for pair in circle]
            way = " -> ".join([circle[0][0], *(imported for _, imported in circle)])
            places = ", ".join(f"{step.source}:{step.line}" for step in steps)
            text = f"a circle, {way} ({places}): turn one of these imports round, or move what both need"
            yield Violation(steps[0].source, steps[0].line, text)


def _circle(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs (importing, imported) that lead from one back to itself; none if there is no circle."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for importing, imported in pairs:
        sorter.add(importing, imported)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(pairwise(reversed(error.args[1])))
    return []


def _impure(tree: Tree, imports: list[Import], house: House) -> Iterator[Violation]:
    for source, line, name, target in imports:
        if not _in(house.pure, source):
            continue
        if target is not None and not _in(house.pure, target):
            yield Violation(source, line, f"imports {target}, which is not pure: let the caller pass in what it needs")
        if target is None and not _is_pure(name, house):
            yield Violation(source, line, f"imports {name}: clock, I/O, chance and threads belong to the caller")
    for path in (path for path in tree if _in(house.pure, path)):
        for node in tree[path].nodes:
            if isinstance(node, ast.expr | ast.stmt) and (text := _impurity(node)):
                yield Violation(path, node.lineno, text)


def _is_pure(name: str, house: House) -> bool:
    words = name.split(".")
    known = any(".".join(words[:count]) in house.pure_imports for count in range(1, len(words) + 1))
    return known and not any(map(_is_impure_attribute, words[1:]))


def _is_impure_attribute(name: str) -> bool:
    return name in ATTRIBUTES or name.startswith("float")


def _impurity(node: ast.expr | ast.stmt) -> str | None:
    """What is wrong with this node in pure code."""
    match node:
        case ast.Constant(value=float() | complex() as value):
            return f"{value} is a float: write integers, as counts of a unit or as numerator and denominator"
        case (
            ast.BinOp(op=ast.Div())
            | ast.AugAssign(op=ast.Div())
            | ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub()))
        ):
            return "this division makes a float: divide with //"
        case ast.Name(id="float" | "complex" as name):
            return f"{name} is not exact: use int"
        case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
            return f"{name}() reaches outside: let the caller do it"
        case ast.Attribute(attr=name) if _is_impure_attribute(name):
            return f".{name} is not exact or not pure: use integers"
    return None


def _dead(tree: Tree, arrows: list[Arrow], house: House) -> Iterator[Violation]:
    """Modules that no entry point reaches by imports, and entry points that are not there."""
    targets: dict[str, list[str]] = {}
    for source, _, target in arrows:
        targets.setdefault(source, []).append(target)
    waiting = [path for path in tree if any(fnmatch(path, pattern) for pattern in house.entry_points)]
    reached: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in tree and path not in reached:
            reached.add(path)
            packages = (f"{folder}/__init__.py" for folder in PurePosixPath(path).parents)
            waiting += [*targets.get(path, ()), *packages]
    for path in tree.keys() - reached:
        yield Violation(path, 1, "no entry point reaches this module: remove it, or list what starts it")
    for pattern in house.entry_points:
        if not any(fnmatch(path, pattern) for path in tree):
            yield Violation(pattern, 1, "is listed as an entry point and is not there: strike it from the table")


def _oversized(tree: Tree) -> Iterator[Violation]:
    for path, source in tree.items():
        if source.lines > FILE_LINES:
            text = f"{source.lines} lines, {FILE_LINES} is the most: split the file by subject"
            yield Violation(path, FILE_LINES + 1, text)
        for node in source.nodes:
            if isinstance(node, Function):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    text = f"{node.name} has {lines} lines, {FUNCTION_LINES} is the most: split the function"
                    yield Violation(path, node.lineno, text)


def _undocumented(tree: Tree, house: House) -> Iterator[Violation]:
    for path, source in tree.items():
        # Alembic's revisions are no identifiers: what cannot be imported is not public.
        if _in(house.documented, path) and PurePosixPath(path).stem.isidentifier():
            for node in _without_docstring(source.body):
                text = f"{node.name} is public and has no docstring: say what it does and raises"
                yield Violation(path, node.lineno, text)


def _without_docstring(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """The public functions, classes and methods that have no docstring."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield node
            if isinstance(node, ast.ClassDef):
                yield from _without_docstring(node.body)
