"""The mutants of the dashboard: what counts once, what is sent, and who may change something."""

from tests.mutants.runner import mutants_of

UNIT = "tests/unit/streams/web"

WEB = (
    *mutants_of(
        "streams/web/model/profits.py",
        (f"{UNIT}/test_profits.py",),
        ("a report counts twice", "if fill.cumulative_quantity <= known.cumulative:", "if False:"),
        ("what misses a report counts", "return self.quantity == self.cumulative", "return True"),
        (
            "a buying's commission is free",
            "self.bought.value // ONE + self.bought.commission",
            "self.bought.value // ONE",
        ),
        ("traders of an emptied broker are mixed", "return named.incarnation, named.trader", 'return "", named.trader'),
    ),
    *mutants_of(
        "streams/web/model/board.py",
        (f"{UNIT}/test_views.py",),
        ("an older snapshot counts", "(order.epoch, order.version) <= (known.epoch, known.version)", "False"),
        ("open orders are forgotten", "if order.status not in OPEN:", "if True:"),
        ("alerts pile up", "if len(board.events) > EVENTS_KEPT:", "if False:"),
    ),
    *mutants_of(
        "streams/web/model/pipeline.py",
        (f"{UNIT}/test_views.py",),
        ("behind is fine", "WARN if ms > BEHIND_MS else OK", "OK"),
        ("a sink may not wait for its commit", "max(lag - COMMITTED_MS, 0)", "lag"),
        ("what is down is fine", 'return BAD if found is not None and not found.up else ""', 'return ""'),
    ),
    *mutants_of(
        "streams/web/http/guard.py",
        (f"{UNIT}/test_guard.py",),
        ("any origin may change", 'if origin is None or origin != f"{request.scheme}://{request.host}":', "if False:"),
        ("any name is ours", "return bool(self._password) or name in (*LOOPBACK, self._host)", "return True"),
        ("any token will do", "if not session or not _same(given", "if False and not _same(given"),
        ("a form may change", 'if request.content_type != "application/json":', "if False:"),
        ("nobody has to log in", "if not self.is_logged_in(request):", "if False:"),
    ),
    *mutants_of(
        "streams/web/http/stream.py",
        (f"{UNIT}/test_stream.py",),
        ("all is sent each time", " if found.serial > seen]", "]"),
        ("a pace is not kept", "and age >= panel.pace_ms * 1_000", ""),
        ("another board is not seen", "if known is not None and known.board is board:", "if known is not None:"),
        ("each page draws for itself", "            if known.tick == self._tick:\n                return known\n", ""),
    ),
    *mutants_of(
        "streams/web/replica/jobs.py",
        (f"{UNIT}/test_jobs.py",),
        (
            "two backtests run at once",
            'raise NotDone(f"one runs already: {self.job.command}", "cancel it, or wait for it")',
            "pass",
        ),
        (
            "a backtest outlives its dashboard",
            "            await _end(process)\n            raise",
            "            raise",
        ),
        ("a backtest goes before others", "            preexec_fn=lambda: os.nice(NICE),\n", ""),
    ),
    *mutants_of(
        "streams/cli/progress.py",
        (f"{UNIT}/test_jobs.py",),
        ("a command outlives a dashboard that was killed", "os._exit(INTERRUPTED)", "return"),
    ),
    *mutants_of(
        "streams/cli/dashboard/backtests.py",
        ("tests/unit/streams/cli/dashboard/test_backtests.py",),
        ("a page may say any option", "elif name not in OPTIONS[kind]:", "elif False:"),
        ("a value may be an option", 'if text.startswith("-") else [name, text]', "if False else [name, text]"),
    ),
    *mutants_of(
        "streams/cli/dashboard/letters.py",
        ("tests/unit/streams/cli/dashboard/test_letters.py",),
        ("a letter that cannot go back is offered", 'reason = str(error).removeprefix("ID: ")', "pass"),
    ),
    *mutants_of(
        "streams/web/model/alerts.py",
        (f"{UNIT}/test_views.py",),
        ("what is snoozed is counted", 'return now < board.snoozes.get("", 0)', "return False"),
    ),
    *mutants_of(
        "streams/web/http/page.py",
        (f"{UNIT}/test_guard.py",),
        ("data may be markup", '"".join(UNSAFE.get(character, character) for character in frame)', "frame"),
    ),
)
