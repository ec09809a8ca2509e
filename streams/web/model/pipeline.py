"""The strip that shows how the pipeline is, and what is behind each of its stages.

The facts come from whoever looks at the parts (`streams.web.replica.parts`), in milliseconds and counts; here they
become states and words. `ok` goes to `warn` when something is more than `BEHIND_MS` behind, to `bad` when it is down.
"""

from typing import Any

import msgspec

from streams.web.model.board import PARTS, PIPELINE, Board
from streams.web.model.panels import Panel, Parameters, Shown

BEHIND_MS = 3_000
COMMITTED_MS = 5_000
"""A sink tells what it has written only so often."""
SILENT_MS = 30_000
OK, WARN, BAD, OFF = "ok", "warn", "bad", "off"
TREND = 30


class Part(msgspec.Struct):
    """A server: whether it answers, and what it says where it does not."""

    name: str
    up: bool
    detail: str = ""


class Behind(msgspec.Struct):
    """How far a group of readers is behind: records, and the time since the first of them came; -1: not known."""

    group: str
    topic: str
    records: int
    ms: int
    partitions: list[tuple[int, int, int]] = []
    """Partition, records and milliseconds behind."""


class Sink(msgspec.Struct):
    """One connector of Kafka Connect."""

    name: str
    state: str
    tasks: list[str]
    error: str


class Audit(msgspec.Struct):
    """What the newest audit found; `orders` is -1 before there was one."""

    orders: int = -1
    differing: int = 0
    first: str = ""
    """What the first of those that differ is, in words."""
    at_ms: int = 0
    running: bool = False
    error: str = ""


class Job(msgspec.Struct):
    """A long command that the page has started, the newest one. Times in milliseconds, UTC."""

    command: str = ""
    """As one would type it."""
    state: str = "none"
    """`none`, `running`, `done`, `failed` or `cancelled`."""
    doing: str = ""
    what: str = ""
    """What is counted, "" for nothing."""
    done: int = 0
    total: int | None = None
    began_ms: int = 0
    ended_ms: int = 0
    error: str = ""
    hint: str = ""
    runs: list[int] = []
    """The saved runs that it ended with."""


class Facts(msgspec.Struct):
    """What was seen of the parts."""

    parts: dict[str, Part] = {}
    feeds: dict[str, tuple[int, int]] = {}
    """By exchange: trades a second in thousandths, and when the newest was received (ms)."""
    feed_trend: list[int] = []
    kept: int = 0
    gaps_open: int = 0
    gaps_lost: int = 0
    behind: list[Behind] = []
    trends: dict[str, list[int]] = {}
    """By stage, how far behind in milliseconds it was, a second apart."""
    members: int = -1
    order_p99_ms: int = -1
    fills_milli: int = 0
    """Fills a second in thousandths."""
    rows_milli: int = 0
    sinks: list[Sink] = []
    notifier: tuple[int, int] = (-1, 0)
    """How many records it has still to tell, -1 where it never ran; when it committed last (ms)."""
    letters: int = 0
    letters_since_ms: int = 0
    audit: Audit = msgspec.field(default_factory=Audit)
    job: Job = msgspec.field(default_factory=Job)
    loading: str = ""
    """What is still being read, in words."""
    trouble: list[str] = []
    """What cannot be shown, in words."""


def facts_of(board: Board) -> Facts:
    """Return what was seen of the parts."""
    found: Facts = board.facts.setdefault("pipeline", Facts())
    return found


def pipeline_view(_: Board, __: Parameters) -> list[Panel]:
    """Return the panels of the page of the pipeline."""
    return [Panel("pipeline", (PIPELINE, PARTS), details, pace_ms=1_000)]


def strip(board: Board, now: int) -> Shown:
    """Return the stages of the pipeline in the order of the flow."""
    facts, now_ms = facts_of(board), now // 1_000
    nodes = [
        _feeds(board, facts, now_ms),
        _trades(facts),
        _workers(facts),
        _exchange(board, facts),
        _connect(facts),
        _notifier(facts),
        _letters(facts),
    ]
    return {
        "nodes": nodes,
        "audit": msgspec.to_builtins(facts.audit),
        "loading": facts.loading,
        "trouble": troubles(facts),
    }


def troubles(facts: Facts) -> list[str]:
    """Return what does not answer, and what cannot be shown for it, in words."""
    found = []
    for part in facts.parts.values():
        if not part.up:
            found.append(f"{TITLES.get(part.name, part.name)} does not answer: {CONSEQUENCES.get(part.name, '')}")
    return [*found, *facts.trouble]


TITLES = {"broker": "Kafka", "registry": "The schema registry", "connect": "Kafka Connect", "postgres": "Postgres"}
CONSEQUENCES = {
    "broker": "nothing is live, what is shown is from before.",
    "registry": "new kinds of records cannot be read, settings cannot be changed; what is known stays live.",
    "connect": "rows are not written to Postgres; trading goes on.",
    "postgres": "orders and candles from before cannot be shown; trading goes on.",
}


def _node(name: str, state: str, big: str, unit: str, sub: str, trend: list[int] | None = None) -> dict[str, Any]:
    return {"id": name, "state": state, "big": big, "unit": unit, "sub": sub, "trend": (trend or [])[-TREND:]}


def _feeds(board: Board, facts: Facts, now_ms: int) -> dict[str, Any]:
    streamed = {s.exchange for s in board.settings.values() if s.streaming}
    live = [name for name, (_, at) in facts.feeds.items() if now_ms - at < SILENT_MS]
    rate = _per_second(sum(milli for milli, _ in facts.feeds.values()))
    late = [name for name in streamed if name not in live]
    state = _down(facts, "broker") or (OFF if not streamed else BAD if not live else WARN if late else OK)
    sub = f"{len(set(live) & streamed)} of {len(streamed)} live" if streamed else "nothing is streamed"
    return _node("feeds", state, rate, "/s", sub, facts.feed_trend)


def feeds(board: Board, now: int) -> dict[str, dict[str, str]]:
    """Return of each exchange how many trades come a second, and whether they come."""
    facts, now_ms = facts_of(board), now // 1_000
    down = _down(facts, "broker")
    return {
        name: {"rate": _per_second(milli), "state": down or (OK if now_ms - at < SILENT_MS else BAD)}
        for name, (milli, at) in facts.feeds.items()
    }


def _trades(facts: Facts) -> dict[str, Any]:
    big, unit = _large(facts.kept)
    missing = facts.gaps_open + facts.gaps_lost
    sub = "0 missing" if not missing else f"{facts.gaps_open:,} gaps open, {facts.gaps_lost:,} lost"
    return _node("trades", _down(facts, "broker") or (WARN if facts.gaps_open else OK), big, f"{unit}kept", sub)


def _workers(facts: Facts) -> dict[str, Any]:
    lag = _worst(facts, "workers")
    sub = "no worker runs" if facts.members == 0 else _many(facts.members, "worker") if facts.members > 0 else ""
    if facts.order_p99_ms >= 0 and facts.members != 0:
        sub = f"order in {' '.join(_duration(facts.order_p99_ms))} p99"
    big, unit = _duration(lag)
    state = _down(facts, "broker") or (BAD if facts.members == 0 else _lag_state(lag))
    return _node("workers", state, big, f"{unit} behind" if unit else "", sub, facts.trends.get("workers"))


def _exchange(board: Board, facts: Facts) -> dict[str, Any]:
    lag = _worst(facts, "exchange")
    open_orders = sum(len(deals.open_orders) for deals in board.deals.values())
    state = _down(facts, "broker") or (BAD if facts.members == 0 else _lag_state(lag))
    sub = f"{_many(open_orders, 'order')} open"
    return _node("exchange", state, _per_second(facts.fills_milli), "fills/s", sub, facts.trends.get("exchange"))


def _connect(facts: Facts) -> dict[str, Any]:
    lag = _worst(facts, "connect")
    big, unit = _duration(lag)
    failed = [sink for sink in facts.sinks if sink.state != "RUNNING" or any(task != "RUNNING" for task in sink.tasks)]
    sub = f"{_per_second(facts.rows_milli)} rows/s"
    state = _lag_state(lag if lag < 0 else max(lag - COMMITTED_MS, 0))
    if failed:
        state, sub = BAD, f"{len(failed)} of {len(facts.sinks)} sinks do not run"
    down = _down(facts, "connect") or _down(facts, "broker")
    if _down(facts, "postgres"):
        down, sub = BAD, "Postgres is down"
    return _node("Connect", down or state, big, f"{unit} behind" if unit else "", sub, facts.trends.get("connect"))


def _notifier(facts: Facts) -> dict[str, Any]:
    waiting, at = facts.notifier
    if waiting < 0:
        return _node("notifier", OFF, "off", "", "hedgehog notify")
    state = _down(facts, "broker") or (WARN if waiting > 20 else OK)
    return _node("notifier", state, f"{waiting:,}", "waiting", "") | {"at": at}


def _letters(facts: Facts) -> dict[str, Any]:
    state = _down(facts, "broker") or (WARN if facts.letters else OK)
    return _node("dead letters", state, f"{facts.letters:,}", "", "none ever" if not facts.letters else "to be read")


def details(board: Board, now: int) -> Shown:
    """Return what is behind the stages."""
    facts = facts_of(board)
    return {
        "parts": [{"name": part.name, "up": part.up, "detail": part.detail} for part in facts.parts.values()],
        "feeds": [
            {"exchange": name, "rate": _per_second(milli), "at": at}
            for name, (milli, at) in sorted(facts.feeds.items())
        ],
        "behind": [
            {
                "group": each.group,
                "topic": each.topic,
                "records": each.records,
                "ms": each.ms,
                "partitions": [{"number": n, "records": r, "ms": ms} for n, r, ms in each.partitions],
            }
            for each in facts.behind
        ],
        "sinks": [msgspec.to_builtins(sink) for sink in facts.sinks],
        "letters": facts.letters,
        "members": facts.members,
        "audit": msgspec.to_builtins(facts.audit),
        "now": now // 1_000,
    }


def _worst(facts: Facts, stage: str) -> int:
    """Return how far behind the slowest reader of a stage is, -1 where it is not known."""
    return max((each.ms for each in facts.behind if stage_of(each.group, each.topic) == stage), default=-1)


def stage_of(group: str, topic: str) -> str:
    """Return which stage a reader of a topic belongs to: names without the installation's prefix."""
    if group.startswith("connect-"):
        return "connect"
    if topic == "orders":
        return "exchange"
    return "workers" if topic in ("trades", "fills") else ""


def _lag_state(ms: int) -> str:
    return OFF if ms < 0 else WARN if ms > BEHIND_MS else OK


def _down(facts: Facts, part: str) -> str:
    found = facts.parts.get(part)
    return BAD if found is not None and not found.up else ""


def _per_second(milli: int) -> str:
    if milli >= 10_000:
        return f"{(milli + 500) // 1_000:,}"
    tenths = (milli + 50) // 100
    return f"{tenths // 10}.{tenths % 10}" if tenths % 10 else f"{tenths // 10}"


def _duration(ms: int) -> tuple[str, str]:
    """Return a duration in words, as a number and its unit."""
    if ms < 0:
        return "unknown", ""
    if ms < 1_000:
        return f"{ms}", "ms"
    if ms < 120_000:
        return f"{ms // 1_000}.{ms % 1_000 // 100}" if ms < 10_000 else f"{ms // 1_000}", "s"
    return (f"{ms // 60_000}", "min") if ms < 7_200_000 else (f"{ms // 3_600_000}", "h")


def _large(count: int) -> tuple[str, str]:
    if count < 100_000:
        return f"{count:,}", ""
    if count < 1_000_000:
        return f"{count // 1_000}", "k "
    return f"{count // 1_000_000}.{count % 1_000_000 // 100_000}", "M "


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
