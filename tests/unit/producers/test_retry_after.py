"""How long a refusal asks to wait."""

import asyncio

import pytest

from producers.local_exchange.faults import HttpFault, http_date
from producers.retry_after import retry_after_s
from producers.session import Session
from tests.unit.producers.feeds import QUICK, adapter_of, client_of, exchange_of, market, symbols_of, until
from tests.unit.producers.test_every_exchange import NAMES

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("7", 7),
        (" 7 ", 7),
        (http_date(NOW + 90), 90),
        (http_date(NOW - 90), 0),
        ("Fri, 15 Jan 2027 08:01:30 +0000", 90),
        ("soon", 0),
        ("-7", 0),
        ("7.5", 0),
        ("٧", 0),
    ],
)
def test_seconds_or_a_date(text: str, seconds: float) -> None:
    assert retry_after_s(text, NOW) == seconds


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("said", ["30", http_date(NOW + 30)])
async def test_a_session_heeds_both_and_logs_what_the_body_says(
    name: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    async with exchange_of(market(wait=False, name=name), name=name) as exchange:
        exchange.faults.handshakes.extend([HttpFault(418, said, "banned: too many requests"), HttpFault(451)])
        session = Session(adapter_of(exchange, name), QUICK, wall_us=lambda: NOW * 1_000_000, sleep=sleep)
        async with client_of(session, symbols_of(name)) as client:
            await until(lambda: client.trades)
    assert [seconds for seconds in slept if seconds > QUICK.backoff_max_s] == [30]
    assert "HTTP 418: banned: too many requests" in caplog.text
    assert "HTTP 451: Unavailable For Legal Reasons" in caplog.text
