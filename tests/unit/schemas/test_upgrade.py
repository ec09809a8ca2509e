"""Records as commit 7ab30b9 wrote them, read today: nothing is misread, and no instrument is lost."""

from typing import Any

import pytest

from schemas.codec import Codec, UnknownSchema
from schemas.journal_records import Applied
from schemas.records import Instrument, Order, Settings, TradingStatus
from schemas.units import ONE
from schemas.upgrade import instrument_in
from tests import samples
from tests.first_layout import IDLE, OLD_SCHEMAS, TRADED, records

OURS, OLD = 7, 3


def codec(record_type: Any, topic: str) -> Codec[Any]:
    """A codec of today that knows the schema of that day under the id `OLD`."""

    def writer_schema(schema_id: int) -> str:
        if schema_id != OLD:
            raise UnknownSchema(f"schema id {schema_id}")
        return OLD_SCHEMAS[topic]

    return Codec(record_type, OURS, writer_schema)


def test_settings_of_that_day_are_settings() -> None:
    reader = codec(Settings, "settings")
    earlier, idle, traded = [reader.decode(value) for _, value in records("settings", OLD)]
    assert (earlier.status, earlier.chunks, earlier.updated_time) == (TradingStatus.OFF, 2, 1_700_000_000_000_000)
    assert idle == Settings(exchange="test", symbol="IDLEUSDT", updated_time=1_700_000_000_000_002)
    assert traded == samples.settings(TRADED, streaming=True, updated_time=1_700_000_000_000_001)


def test_the_instruments_are_in_them() -> None:
    reader = codec(Settings, "settings")
    _, idle, traded = [instrument_in(reader.decode_as_written(value)) for _, value in records("settings", OLD)]
    old = samples.instrument(TRADED, base_asset="OLD", min_notional="5", updated_time=1_700_000_000_000_001)
    assert traded == old
    assert isinstance(idle, Instrument)
    assert (idle.instrument, idle.exchange_status, idle.tick_size) == (IDLE, "HALT", 1_000)
    assert (idle.max_quantity, idle.min_notional, idle.updated_time) == (9 * 10**15, 5 * ONE, 1_700_000_000_000_002)


def test_settings_of_today_hold_none() -> None:
    ours = Codec(Settings, OURS, lambda _: "")
    assert instrument_in(ours.decode_as_written(ours.encode(samples.settings()))) is None


@pytest.mark.parametrize(("topic", "kind"), [("orders", Order), ("applied", Applied)])
def test_what_records_did_not_say_then_they_leave_out(topic: str, kind: type[Any]) -> None:
    found = [codec(kind, topic).decode(value) for _, value in records(topic, OLD)]
    assert found
    assert all(record.instruments_offset == -1 for record in found if isinstance(record, Order))
    assert all(record.instrument_taken is None for record in found if isinstance(record, Applied))
