"""The demo from the first switch to the last check, on a stack that is up."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from infra.config import LOOPBACK, Config
from infra.errors import tail
from infra.supervisor import Supervisor, how_it_ended
from schemas.broker import admin
from schemas.coordinators import members
from schemas.groups import worker_group
from schemas.topics import TRADES
from streams.cli.pipeline import parts
from streams.demo.cast import DASHBOARD, PRODUCER, WORKERS, busiest, worker
from streams.demo.checks import all_checks
from streams.demo.commands import DemoFailed, hedgehog
from streams.demo.ending import newest_alerts, results
from streams.demo.market import EXCHANGE, KEPT_S, MarketSession
from streams.demo.place import Place
from streams.demo.screen import Screen, View
from streams.demo.tail import Tail
from streams.demo.watched import CUT_AT, CUT_S, WISHES, watched_exchanges
from streams.topics.lag import behind, readers
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
        self._watched = watched_exchanges(config, place, market.seconds)
        self._admin = admin(config)
        self._workers = worker_group(config)

    def run(self) -> bool:
        """Play, wait until all is worked off, report from Postgres, check. Whether every check passed."""
        self._set_the_stage()
        self._play()
        self._screen.step("everything is worked off; what Postgres says")
        self._supervisor.stop(EXCHANGE, *(each.program_name for each in self._watched))
        self._supervisor.stop(PRODUCER.name, *WORKERS)
        self._need_clean_end(PRODUCER.name)
        for line in (*results(self._config), *newest_alerts(self._config)):
            self._screen.say(line)
        self._screen.step("checks")
        passed = True
        for check in all_checks(self._config, self._place.journal, self._watched):
            passed &= check.passed
            for line in check.lines():
                self._screen.say(line)
        return passed

    def _set_the_stage(self) -> None:
        """Start everything that runs before the market opens; the producer's subscription opens it."""
        say, start, symbols = self._screen.say, self._supervisor.start, self._market.symbols
        self._screen.step("three local exchanges, the symbols they list, what to do with them, and two workers")
        start(self._market.program(self._place.journal))
        for each in self._watched:
            start(each.program())
        for name in WORKERS:
            start(worker(name, self._place.home))
        start(DASHBOARD)
        say(f"look at it: http://{LOOPBACK}:{self._config.port('dashboard')}/")
        self._until(self._exchanges_answer, "the local exchanges answer", *self._exchanges())
        hedgehog(say, "settings", "seed")
        hedgehog(say, "settings", "set", *symbols, *self._market.strategy)
        hedgehog(say, "trading", "start", *symbols)
        watched = [instrument for each in self._watched for instrument in each.instruments]
        hedgehog(say, "watch", "add", *watched, *WISHES)
        self._until(self._workers_ready, "both workers have joined and read the settings", *WORKERS)
        hedgehog(say, "streaming", "start", *symbols, *watched)
        start(PRODUCER)
        self._until(self._market_open, "the producer subscribes to every symbol", PRODUCER.name, *self._exchanges())

    def _play(self) -> None:
        is_kept = self._market.seconds >= KEPT_S
        lasts = "until Ctrl-C" if is_kept else f"for {self._market.seconds:.0f} s"
        self._screen.step(f"the market is open {lasts}: {self._market.says}")
        if is_kept:
            self._screen.say(
                f"a worker to kill: kill -9 {self._supervisor.pid(WORKERS[0])}; the dashboard shows it heal"
            )
        watched = [instrument for each in self._watched for instrument in each.instruments]
        follower = Tail(self._config, self._market.symbols, watched)
        try:
            with self._screen.watching():
                self._until_closed(follower)
                self._until_at_rest(follower)
        finally:
            follower.close()

    def _until_closed(self, follower: Tail) -> None:
        opened, seconds = time.monotonic(), self._market.seconds
        events = [(seconds * CUT_AT, self._cut_a_feed), (seconds / 2, self._kill_a_worker)]
        while not self._closed():
            passed = time.monotonic() - opened
            self._show(follower, f"market open, {min(passed, seconds):.0f} s")
            while events and passed > events[0][0]:
                events.pop(0)[1]()
            if passed > seconds + LATE_S:
                raise self._failed(
                    f"the markets did not close within {passed:.0f} s", *self._exchanges(), PRODUCER.name
                )
            self._need_running()

    def _cut_a_feed(self) -> None:
        """Cut off the exchange that is watched first, while it goes on trading."""
        cut, seconds = self._watched[0], min(CUT_S, self._market.seconds / 5)
        self._ask(f"{cut.url}/local/cut?seconds={seconds}", "POST")
        self._screen.say(f"{cut.name}'s feed is cut for {seconds:g} s while it trades on: nothing of it may be missing")

    def _kill_a_worker(self) -> None:
        name = busiest(self._supervisor)
        pid = self._supervisor.kill(name)
        self._screen.say(f"kill -9 {pid} ({name}, the busier one): its traders have to go on where they were")

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
            and self._joined() == len(WORKERS)
        )

    def _show(self, follower: Tail, title: str) -> None:
        follower.refresh(REFRESH_S)
        behind = self._behind()
        workers = behind.pop(self._workers)
        rows = {row["table"]: row["rows"] or 0 for row in parts.tables(self._config)}
        activities = follower.symbols, follower.watched
        view = View(title, *activities, follower.trades_per_s, rows, workers, sum(behind.values()))
        self._screen.show(view)

    def _behind(self) -> dict[str, int]:
        """Return how many records each consumer group has still to handle."""
        return behind(self._config, self._admin, readers(self._config))

    def _joined(self) -> int:
        """Return how many workers share the partitions."""
        return members(self._config, [self._workers])

    def _ask(self, url: str, method: str = "GET") -> dict[str, Any]:
        try:
            answer = httpx.request(method, url, timeout=HTTP_TIMEOUT_S, trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            raise self._failed(f"a local exchange does not answer: {error}", *self._exchanges()) from None
        said: dict[str, Any] = answer.json()
        return said

    def _urls(self) -> list[str]:
        return [self._config.binance_rest_url, *(each.url for each in self._watched)]

    def _exchanges(self) -> list[str]:
        """Return the names of the programs of the exchanges."""
        return [EXCHANGE, *(each.program_name for each in self._watched)]

    def _statuses(self) -> list[dict[str, Any]]:
        return [self._ask(f"{url}/local/status") for url in self._urls()]

    def _closed(self) -> bool:
        return all(status["finished"] for status in self._statuses())

    def _sent(self) -> int:
        """Return how many trades have to be in the topic: of the watched exchanges, all that were made."""
        sent: dict[str, int] = self._ask(f"{self._config.binance_rest_url}/local/status")["sent"]
        return sum(sent.values()) + sum(each.trades for each in self._watched)

    def _exchanges_answer(self) -> bool:
        try:
            return all(
                httpx.get(f"{url}/local/status", timeout=HTTP_TIMEOUT_S, trust_env=False).is_success
                for url in self._urls()
            )
        except httpx.HTTPError:
            return False

    def _workers_ready(self) -> bool:
        joined = self._joined() == len(WORKERS)
        return joined and not self._behind()[self._workers]

    def _market_open(self) -> bool:
        subscribed = [set(status["subscribed"]) for status in self._statuses()]
        wanted = [self._market.symbols, *(each.symbols for each in self._watched)]
        return all(set(symbols) <= found for symbols, found in zip(wanted, subscribed, strict=True))

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
