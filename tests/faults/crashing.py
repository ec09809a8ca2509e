"""A worker whose agent has a fault: it cannot take the trade with the id `FATAL`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra.config import load_config
from infra.deadline import Deadline
from schemas import topics
from schemas.records import Trade
from schemas.topics import Topic
from streams.agents.agent import Environment
from streams.delivery.application import STOPPED_WITHIN_S, HedgehogApp
from streams.delivery.batches import Batch
from streams.delivery.keeper import Step
from streams.delivery.partition import Context
from streams.worker import make_app
from tests.faults.counting import COUNTING, Count, CountingSteps

FATAL = 4_711


class CrashingSteps(CountingSteps):
    def on_trades(self, context: Context[Count], batch: Batch) -> None:
        super().on_trades(context, batch)
        if any(state.ids >= FATAL for state in context.touched):
            raise ValueError("a fault of ours")


def _make_steps(environment: Environment) -> Mapping[Topic, Step[Count]]:
    return {topics.TRADES: CrashingSteps(environment.codecs[Trade]).on_trades}


CRASHING = replace(COUNTING, name="crashing", make_steps=_make_steps)


def __getattr__(name: str) -> Any:
    if name == "app":
        app: HedgehogApp = make_app(load_config(), agents=(CRASHING,))
        app.deadline = Deadline("the worker", STOPPED_WITHIN_S)
        return app
    raise AttributeError(name)
