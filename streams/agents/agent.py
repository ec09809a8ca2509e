"""What an agent is: a declaration, which the worker turns into a stream processor."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Generic

from infra.config import Config
from schemas.codec import Codec
from schemas.records import Record
from schemas.topics import Topic, changelog
from streams.agents.checkpoints import PACE, Pace
from streams.delivery.checkpoint import Checkpoint, WriteThrough
from streams.delivery.incarnations import BeginAnew, unchanged
from streams.delivery.keeper import Step
from streams.delivery.states import LAYOUT, S, Split, StateCodec, Upgrade


@dataclass(frozen=True)
class Environment:
    """What the steps of an agent are made of. The codecs are there once the registry was asked for the schemas."""

    config: Config
    codecs: MutableMapping[type[Record], Codec[Any]]
    topic_ids: MutableMapping[str, str] = field(default_factory=dict)
    """The ids that the broker has given the topics when they were made, by full name; there when the codecs are."""
    pace: Pace = PACE


@dataclass(frozen=True)
class Agent(Generic[S]):
    """A stream processor with a state an instrument.

    `inputs` are the topics that it reads, whose records are keyed by instrument. `make_steps` gives for each of them
    what is done with a batch; it is called when the codecs are there.
    """

    name: str
    table: str
    state: type[S]
    inputs: tuple[Topic, ...]
    make_steps: Callable[[Environment], Mapping[Topic, Step[S]]]
    storing: WriteThrough | Checkpoint
    layout: int = LAYOUT
    """The number of the layout of its stored states."""
    upgrade: Upgrade | None = None
    """Reads states of older layouts."""
    outputs: tuple[Topic, ...] = ()
    """The topics that what its states decide is sent to."""
    begin_anew: BeginAnew[S] = unchanged
    """What a state does when an input or an output was deleted and made anew."""
    split: Split[S] | None = None
    """How its states are stored in parts, if they are."""

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Return what it reads and writes, dead letters and its states apart."""
        return (*self.inputs, *self.outputs)

    def state_codec(self) -> StateCodec[S]:
        """Return what reads and writes its stored states."""
        return StateCodec(self.table, self.state, self.layout, self.upgrade, self.split)

    @property
    def changelog(self) -> Topic:
        """Return the topic that its table is stored in."""
        return changelog(self.table, f"state of the {self.name} agent")
