"""A leader before and after an input, in words: what changed, and what matters all the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.parameters import PARAMETERS
from schemas.records import Instrument, Settings
from schemas.units import plain
from streams.trading.leader import LeaderState
from streams.trading.matching import BUYING, SELLING
from streams.trading.strategy import BUY_REFUSED, COUNT, HOLDING, NEXT, SELL_REFUSED, WAITING

Terms = Instrument | Settings

RULES = ("tick_size", "step_size", "min_notional")
"""What the exchange says and the trading goes by; of its other limits only a refusal tells."""


@dataclass(frozen=True)
class Fact:
    """Something about the leader before and after an input; `None` where there is no such thing."""

    what: str
    before: str | None
    after: str | None


def facts_of(before: LeaderState, after: LeaderState, trader: int) -> tuple[Fact, ...]:
    """Return what an input changed; in any case the leader itself and this trader."""
    facts = [Fact("leader", _leader_text(before), _leader_text(after))]
    old, new = _traders(before), _traders(after)
    for number in sorted(old.keys() | new.keys()):
        if number == trader or old.get(number) != new.get(number):
            facts.append(Fact(f"trader {number}", old.get(number), new.get(number)))
    for name in sorted(before.closing.keys() | after.closing.keys()):
        facts.append(Fact(f"waits for the end of {name}", *(_yes(name in state.closing) for state in (before, after))))
    facts += _changes(before.settings, after.settings, {each.field: each.text for each in PARAMETERS})
    return (*facts, *_changes(before.instrument, after.instrument, dict.fromkeys(RULES, plain)))


def _yes(there: bool) -> str | None:
    return "yes" if there else None


def _changes(before: Terms | None, after: Terms | None, shown: Mapping[str, Callable[[int], str]]) -> list[Fact]:
    """Return the fields that the trading goes by and that differ, each as it is shown."""
    if after is None:
        return []
    facts = []
    for name, text in shown.items():
        old, new = (None if terms is None else text(getattr(terms, name)) for terms in (before, after))
        if old != new:
            facts.append(Fact(name.removesuffix("_interval").replace("_", " "), old, new))
    return facts


def _leader_text(state: LeaderState) -> str:
    chunks = state.settings.chunks if state.settings else 0
    head = state.leader.head
    return f"{state.status.value}, {head[COUNT]} of {chunks} traders, the next is trader {head[NEXT]}"


STAGES = {
    WAITING: "waits for its first trade",
    BUYING: "buys {} at {}",
    SELLING: "sells {} at {}",
    BUY_REFUSED: "stands still: its BUY of {} at {} was refused or ended unfilled",
    SELL_REFUSED: "stands still: its SELL of {} at {} was refused or ended unfilled",
    HOLDING: "waits for a trade to sell {} that it holds; its SELL at {} was refused or ended unfilled",
}


def _traders(state: LeaderState) -> dict[int, str]:
    """Return the running traders in words, by number."""
    columns = state.leader
    texts = {}
    for i in range(columns.head[COUNT]):
        text = STAGES[columns.stage[i]].format(plain(columns.quantity[i]), plain(columns.price[i]))
        level = f"; a price below {plain(columns.rebuy[i])} starts one more" if columns.rebuy[i] else ""
        texts[columns.number[i]] = text + level
    return texts
