"""Every private name of Faust, mode and aiokafka that we override or touch: where an upgrade drops one this fails.

Their authors owe us nothing for these. So the list is literal, and the sources are searched for one that it lacks.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.conductor import Conductor
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from mode.threads import ServiceThread

ROOT = Path(__file__).parents[4]
SOURCES = [*sorted((ROOT / "streams/delivery").glob("*.py")), *sorted((ROOT / "streams/agents").glob("*.py"))]
SOURCES += [ROOT / "streams/topics/lean.py", ROOT / "streams/worker.py"]
SOURCES += [ROOT / "schemas/coordinators.py", ROOT / "schemas/nodes.py"]
LIBRARIES = ("faust", "mode", "aiokafka")

OVERRIDDEN: list[tuple[type, str]] = [
    (faust.App, "_new_transport"),
    (faust.App, "_consumer_wait_empty"),
    (faust.App, "_crash"),
    (Consumer, "_new_consumer_thread"),
    (Consumer, "_getmany"),
    (Consumer, "_wait_next_records"),
    (Consumer, "_filter_tps_with_pending_acks"),
    (Consumer, "_new_offset"),
    (Consumer, "_commit_offsets"),
    (Consumer, "_drain_messages"),
    (AIOKafkaConsumerThread, "_gather_remaining_tasks"),
    (AIOKafkaConsumerThread, "_create_worker_consumer"),
    (AIOKafkaConsumerThread, "_fetch_records"),
    (PartitionRecords, "_consumer_record"),
    (PartitionRecords, "_unpack_records"),
    (Recovery, "_resume_streams"),
]
TOUCHED: list[tuple[type, str]] = [
    (Consumer, "_active_partitions"),
    (Consumer, "_buffered_partitions"),
    (Consumer, "_commit"),
    (Consumer, "_committed_offset"),
    (Consumer, "_paused_partitions"),
    (Consumer, "_read_offset"),
    (Conductor, "_tp_index"),
    (TableManager, "_recovery"),
    (AIOKafkaConsumerThread, "_ensure_consumer"),
    (ServiceThread, "_serve"),
    (AIOKafkaConsumer, "_coordinator"),
    (AIOKafkaConsumer, "_fetcher"),
    (AIOKafkaConsumer, "_fetch_max_wait_ms"),
    (AIOKafkaConsumer, "_group_id"),
    (GroupCoordinator, "_do_heartbeat"),
    (GroupCoordinator, "_on_join_complete"),
    (GroupCoordinator, "_send_req"),
    (Fetcher, "_get_actions_per_node"),
    (Fetcher, "_notify"),
    (Fetcher, "_wait_consume_future"),
    (PartitionRecords, "_check_crcs"),
    (PartitionRecords, "_records"),
    (PartitionRecords, "_tp"),
    (PartitionRecords, "_value_deserializer"),
]
LISTED = [*OVERRIDDEN, *TOUCHED]


@pytest.mark.parametrize(("owner", "name"), LISTED, ids=[f"{owner.__name__}.{name}" for owner, name in LISTED])
def test_the_library_has_it(owner: type, name: str) -> None:
    assert has(owner, name), f"{owner.__module__}.{owner.__name__} has no {name} any more"


@pytest.mark.parametrize(("owner", "name"), OVERRIDDEN, ids=[f"{owner.__name__}.{name}" for owner, name in OVERRIDDEN])
def test_what_we_override_is_called_by_the_library(owner: type, name: str) -> None:
    sources = {inspect.getsource(inspect.getmodule(each)) for each in inspect.getmro(owner) if from_library(each)}  # type: ignore[arg-type]
    assert any(re.search(rf"\.{name}\b", source) for source in sources), f"nobody calls {owner.__name__}.{name}"


def test_no_private_name_is_used_that_is_not_listed() -> None:
    listed = {name for _, name in LISTED}
    trees = {path: ast.parse(path.read_text()) for path in SOURCES}
    own = {name for tree in trees.values() for name in defined(tree)} - listed
    used = {(path.name, name) for path, tree in trees.items() for name in attributes(tree)}
    assert {(file, name) for file, name in used if name not in own | listed} == set()
    assert {name for _, name in used} | {name for _, name in OVERRIDDEN} >= listed, "a listed name that nobody uses"


def test_no_private_method_of_a_library_is_overridden_that_is_not_listed() -> None:
    overridden = {
        (base.__name__, name)
        for path in SOURCES
        for ours in classes(path)
        for name, value in vars(ours).items()
        if private(name) and inspect.isfunction(value)
        for base in inspect.getmro(ours)[1:]
        if from_library(base) and has(base, name)
    }
    listed = {(each.__name__, name) for owner, name in OVERRIDDEN for each in inspect.getmro(owner)}
    assert overridden - listed == set()


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def from_library(each: type) -> bool:
    return each.__module__.split(".")[0] in LIBRARIES


def has(owner: type, name: str) -> bool:
    """Whether a class has the name, or gives it to its instances."""
    assigned = re.compile(rf"\bself\.{name}\b\s*(:[^=\n]+)?=[^=]")
    return hasattr(owner, name) or any(
        assigned.search(inspect.getsource(each)) for each in inspect.getmro(owner) if from_library(each)
    )


def classes(path: Path) -> list[type]:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__]


def attributes(tree: ast.AST) -> Iterator[str]:
    """The private names that are got or set of something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and private(node.attr):
            yield node.attr


def defined(tree: ast.AST) -> Iterator[str]:
    """The private names that our classes define: methods, and what they assign to themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and private(node.name):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and private(node.attr):
            owner = node.value
            if isinstance(owner, ast.Name) and owner.id == "self":
                yield node.attr
