"""The demo from the first switch to the last check, on a stack that is up."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from infra.config import Config
from infra.errors import tail
from infra.supervisor import Supervisor, how_it_ended
from schemas.broker import admin
from schemas.groups import worker_group
from schemas.topics import TRADES
from streams.cli.pipeline import parts
from streams.demo.cast import PRODUCER, WORKERS, busiest, worker
from streams.demo.checks import all_checks
from streams.demo.commands import DemoFailed, hedgehog
from streams.demo.ending import results
from streams.demo.market import EXCHANGE, MarketSession
from streams.demo.place import Place
from streams.demo.screen import Screen, View
from streams.demo.tail import Tail
from streams.topics.lag import behind, members, readers
from streams.topics.read import count

START_WITHIN_S = 60.0
REST_WITHIN_S = 90.0
LATE_S = 60.0
"""So much longer than planned may a market take on a slow machine."""
POLL_S = 0.2
REFRESH_S = 1.0
HTTP_TIMEOUT_S = 5.0
LOG_LINES = 15


class Demo:
    """One run of the demo."""

    def __init__(
        self, config: Config, place: Place, market: MarketSession, supervisor: Supervisor, screen: Screen
    ) -> None:
        self._config, self._place, self._market = config, place, market
        self._supervisor, self._screen = supervisor, screen
        self._admin = admin(config)
        self._workers = worker_group(config)

    def run(self) -> bool:
        """Play, wait until all is worked off, report from Postgres, check. Whether every check passed."""
        self._set_the_stage()
        self._play()
        self._screen.step("everything is worked off; what Postgres says")
        self._supervisor.stop(EXCHANGE)
        self._supervisor.stop(PRODUCER.name, *WORKERS)
        self._need_clean_end(PRODUCER.name)
        for line in results(self._config):
            self._screen.say(line)
        self._screen.step("checks")
        passed = True
        for check in all_checks(self._config, self._place.journal):
            passed &= check.passed
            for line in check.lines():
                self._screen.say(line)
        return passed

    def _set_the_stage(self) -> None:
        """Start everything that runs before the market opens; the producer's subscription opens it."""
        say, start, symbols = self._screen.say, self._supervisor.start, self._market.symbols
        self._screen.step("the local exchange, the symbols it lists, what to do with them, and two workers")
        start(self._market.program(self._place.journal))
        for name in WORKERS:
            start(worker(name, self._place.home))
        self._until(self._exchange_answers, "the local exchange answers", EXCHANGE)
        hedgehog(say, "settings", "seed", "--exchange", "binance")
        hedgehog(say, "settings", "set", *symbols, *self._market.strategy)
        hedgehog(say, "trading", "start", *symbols)
        self._until(self._workers_ready, "both workers have joined and read the settings", *WORKERS)
        hedgehog(say, "streaming", "start", *symbols)
        start(PRODUCER)
        self._until(self._market_open, "the producer subscribes to every symbol", PRODUCER.name, EXCHANGE)

    def _play(self) -> None:
        self._screen.step(f"the market is open for {self._market.seconds:.0f} s: {self._market.says}")
        follower = Tail(self._config, self._market.symbols)
        try:
            with self._screen.watching():
                self._until_closed(follower)
                self._until_at_rest(follower)
        finally:
            follower.close()

    def _until_closed(self, follower: Tail) -> None:
        opened, killed = time.monotonic(), False
        while not self._status()["finished"]:
            passed = time.monotonic() - opened
            self._show(follower, f"market open, {min(passed, self._market.seconds):.0f} s")
            if not killed and passed > self._market.seconds / 2:
                killed = True
                name = busiest(self._supervisor)
                pid = self._supervisor.kill(name)
                self._screen.say(f"kill -9 {pid} ({name}, the busier one): its traders have to go on where they were")
            if passed > self._market.seconds + LATE_S:
                raise self._failed(f"the market did not close within {passed:.0f} s", EXCHANGE, PRODUCER.name)
            self._need_running()

    def _until_at_rest(self, follower: Tail) -> None:
        deadline = time.monotonic() + REST_WITHIN_S
        while not self._at_rest():
            self._show(follower, "market closed, working off")
            self._need_running()
            if time.monotonic() > deadline:
                raise self._failed(
                    f"not worked off within {REST_WITHIN_S:.0f} s: behind {self._behind()}, "
                    f"{count(self._config, [TRADES]):,} of {self._sent():,} trades in the topic",
                    PRODUCER.name,
                    *WORKERS,
                )
        self._show(follower, "market closed, all worked off")

    def _at_rest(self) -> bool:
        """Return whether all that was sent is in the topic and nobody is behind, the killed worker back among them."""
        return (
            count(self._config, [TRADES]) >= self._sent()
            and not any(self._behind().values())
            and members(self._admin, self._workers) == len(WORKERS)
        )

    def _show(self, follower: Tail, title: str) -> None:
        follower.refresh(REFRESH_S)
        behind = self._behind()
        workers = behind.pop(self._workers)
        rows = {row["table"]: row["rows"] or 0 for row in parts.tables(self._config)}
        view = View(title, follower.symbols, follower.trades_per_s, rows, workers, sum(behind.values()))
        self._screen.show(view)

    def _behind(self) -> dict[str, int]:
        """Return how many records each consumer group has still to handle."""
        return behind(self._config, self._admin, readers(self._config))

    def _status(self) -> dict[str, Any]:
        url = f"{self._config.binance_rest_url}/local/status"
        try:
            status: dict[str, Any] = httpx.get(url, timeout=HTTP_TIMEOUT_S, trust_env=False).raise_for_status().json()
        except httpx.HTTPError as error:
            raise self._failed(f"the local exchange does not answer: {error}", EXCHANGE) from None
        return status

    def _sent(self) -> int:
        return sum(self._status()["sent"].values())

    def _exchange_answers(self) -> bool:
        try:
            url = f"{self._config.binance_rest_url}/api/v3/ping"
            return httpx.get(url, timeout=HTTP_TIMEOUT_S, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _workers_ready(self) -> bool:
        joined = members(self._admin, self._workers) == len(WORKERS)
        return joined and not self._behind()[self._workers]

    def _market_open(self) -> bool:
        return set(self._market.symbols) <= set(self._status()["subscribed"])

    def _until(self, condition: Callable[[], bool], what: str, *programs: str) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not condition():
            self._need_running()
            if time.monotonic() > deadline:
                raise self._failed(f"waited {START_WITHIN_S:.0f} s in vain until {what}", *programs)
            time.sleep(POLL_S)
        self._screen.say(f"{what}: yes")

    def _need_running(self) -> None:
        """Raise `DemoFailed` for a program that has ended for good: it cannot be waited for."""
        for name in self._supervisor.names():
            code = self._supervisor.exit_code(name)
            if code is not None:
                raise self._failed(f"{name} ended ({how_it_ended(code)})", name)

    def _need_clean_end(self, name: str) -> None:
        code = self._supervisor.exit_code(name)
        if code != 0:
            raise self._failed(f"{name} ended with {how_it_ended(code) if code is not None else 'nothing'}", name)

    def _failed(self, text: str, *programs: str) -> DemoFailed:
        """Return the failure with the last lines of the logs that may say why."""
        for name in programs:
            log = self._supervisor.log(name)
            shown = "\n".join(f"  | {line}" for line in tail(log, LOG_LINES))
            text += f"\n{log}, its last lines:\n{shown}"
        return DemoFailed(text)
