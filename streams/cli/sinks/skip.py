"""`hedgehog sinks skip`: a failed sink goes on after the record that its table does not take."""

from connectors.interface import SinkState, states
from connectors.moving import move_past
from infra.config import Config
from schemas.groups import sink_name
from schemas.topics import SINKS, Topic
from streams.cli.endpoints import need_connect, need_database, with_settings
from streams.cli.errors import BadValue, CliError
from streams.cli.output import Output
from streams.cli.sinks.options import Skip
from streams.warehouse.refused import bury, first_refused

FAILED = "FAILED"


def skip(asked: Skip, out: Output) -> None:
    """Make a dead letter of the record that stops the sink, move the sink past it, and show what was skipped."""
    if not asked.yes:
        raise BadValue("the record will be missing in the table: --yes is needed")
    config = with_settings()
    need_connect(config)
    need_database(config)
    topic = _topic(config, asked.name)
    _assert_failed(_state(config, topic))
    refused = first_refused(config, topic)
    if refused is None:
        raise CliError(
            f"{sink_name(config, topic)}: its table takes every record; it failed by {_state(config, topic).error}",
            hint="hedgehog doctor",
        )
    letter = bury(config, topic, refused)
    move_past(config, topic, refused.partition, refused.offset)
    out.record(
        {
            "sink": sink_name(config, topic),
            "topic": topic.full_name(config),
            "partition": refused.partition,
            "offset": refused.offset,
            "key": None if refused.key is None else refused.key.decode(errors="backslashreplace"),
            "error": refused.reason,
            "dead_letter": letter,
        }
    )
    out.note("next: hedgehog status, which shows whether another record stops it")


def _topic(config: Config, name: str) -> Topic:
    for topic in SINKS:
        if name in (topic.name, sink_name(config, topic)):
            return topic
    raise BadValue(f"NAME: {name!r} is no sink; there are {', '.join(topic.name for topic in SINKS)}")


def _state(config: Config, topic: Topic) -> SinkState:
    return next(sink for sink in states(config) if sink.name == sink_name(config, topic))


def _assert_failed(sink: SinkState) -> None:
    if sink.state != FAILED:
        raise BadValue(f"NAME: {sink.name} is {sink.state}, no record stops it")
