"""The mutants, by subject. Each line of a source that keeps a promise has one that takes the promise away."""

from tests.mutants.audited import AUDIT
from tests.mutants.fetched import FETCHED
from tests.mutants.guarded import GUARDED
from tests.mutants.incarnations import INCARNATIONS
from tests.mutants.market import MARKET
from tests.mutants.notify import NOTIFY
from tests.mutants.promises import PROMISES
from tests.mutants.recorded import MUTANTS as FILES
from tests.mutants.recovery import RECOVERY
from tests.mutants.runner import mutants_of as _of
from tests.mutants.safety import SAFETY
from tests.mutants.watched import WATCHED
from tests.mutants.web import WEB

UNIT = "tests/unit/streams"
STORE = "            await self._store(partition, changed, offsets)\n"
SEND = "            await self._send(partition, list(changed.values()))\n"
DELIVERY = (f"{UNIT}/delivery", f"{UNIT}/agents")


KEEPER = _of(
    "streams/delivery/keeper.py",
    DELIVERY,
    ("a batch of another generation is applied", "if not is_current(self._app, batch.generation):", "if False:"),
    ("after a failure batches are taken", "if partition.refused:", "if False:"),
    (
        "a failed state lives on",
        "may be anywhere between storing and sending\n        partition.fail()\n",
        "may be anywhere between storing and sending\n        pass\n",
    ),
    ("only faults fail a partition, cancellation does not", "except BaseException:", "except Exception:"),
    (
        "partitions are given up without storing",
        "if partition.batches and partition.generation ==",
        "if False and None ==",
    ),
    ("what was stored to be sent is not sent again", "if live.outbox:", "if False:"),
    ("the committed position is not looked at", "(committed or 0) - 1)", "-1)"),
    ("the committed position is one too far", "(committed or 0) - 1)", "(committed or 0))"),
    ("a stored state is not held against today's topics", "                self._incarnations.renew(value)\n", ""),
    ("a checkpoint's batches are never done", "            self._app.consumer.done(batch)\n", "            pass\n"),
    ("a checkpoint is never due by time", "elif partition.timer is None:", "elif False:"),
    ("a checkpoint is never due by records", "if partition.waiting >= self._limits.records:", "if False:"),
    ("a failed checkpoint stops nobody", "            await self._on_failure(error)\n", "            pass\n"),
)
PARTITION = _of(
    "streams/delivery/partition.py",
    DELIVERY,
    ("the live state outlives its generation", "        self.drop()\n        return True", "        return True"),
    ("a new generation takes nothing", "        self.refused = False\n        self.drop()", "        self.drop()"),
    ("what was applied is applied again", "if record.offset <= self.applied(record.key, self.topic):", "if False:"),
    ("the next record is skipped", "if record.offset <= self.applied(", "if record.offset - 1 <= self.applied("),
    ("an instrument's own offsets are not looked at", "max(position, live.offsets.get(topic, -1))", "position"),
    ("every fault becomes a dead letter", "except Refused as error:", "except Exception as error:"),
    ("a state that was found is not stored", "        self._partition.touched[key] = live\n", "        pass\n"),
    ("a stale summary is used", "        live.summary = None\n", "        pass\n"),
    ("nothing is dropped", "        self.cancel_timer()\n        self._clear()", "        self.cancel_timer()"),
)
CHECKPOINT = _of(
    "streams/delivery/checkpoint.py",
    DELIVERY,
    ("sent before it is stored", f"{STORE}{SEND}", f"{SEND}{STORE}"),
    (
        "what a loaded state had to send is forgotten",
        "            await self._send(partition, partition.unsent)\n",
        "            pass\n",
    ),
    ("every state is stored", "if live.state.changed}", "}"),
    ("the outbox is stored without what it held before", "live.outbox += [", "live.outbox = ["),
    ("an outbox is never emptied", "            live.outbox = []\n", "            pass\n"),
    ("a state is sent twice", "state.outbox, state.changed = [], False", "state.changed = False"),
    ("a state is stored for ever", "state.outbox, state.changed = [], False", "state.outbox = []"),
    (
        "the table does not know what was stored",
        "            self._table.data[message.key] = message.value\n",
        "            pass\n",
    ),
    ("dead letters are not sent", "            await self._producer.send(letters)\n", "            pass\n"),
    (
        "dead letters are sent before the store",
        "        await self._send_letters(partition, wide)\n",
        "        await self._send_letters(partition, wide + letters)\n        letters = []\n",
    ),
    ("a state is stored with all letters, however wide", "elif len(letter.value) > room[key]:", "elif False:"),
    ("each letter has all the room", "                room[key] -= len(letter.value)\n", "                pass\n"),
    (
        "a state is too wide for its changelog",
        "if len(stored_key) + len(value) + OVERHEAD_BYTES > STATE_BYTES_MAX:",
        "if False:",
    ),
    (
        "what cannot be written is nobody's",
        "        except ValueError as error:\n            raise Unwritable",
        "        except ZeroDivisionError as error:\n            raise Unwritable",
    ),
    ("offsets go back", "max(offset, live.offsets.get(t, -1))", "offset"),
    (
        "a letter is not stored with its state",
        "            if key is None or key not in changed:",
        "            if True:",
    ),
    ("letters are sent again", "        partition.letters = []\n", "        pass\n"),
    ("more is kept back than can be handed out", "if not 0 < self.records <= HANDED_MAX // 2:", "if False:"),
)
MESSAGES = _of(
    "streams/delivery/messages.py",
    DELIVERY,
    (
        "only the last acknowledgement is awaited",
        "return [(await acknowledged).offset for acknowledged in sent]",
        "return [(await acknowledged).offset for acknowledged in sent[-1:]]",
    ),
    ("letters go into the source's partition", "partition if key == home else None", "partition"),
)
STATES = _of(
    "streams/delivery/states.py",
    DELIVERY,
    ("a state of any layout is read as today's", "if version == self._layout:", "if True:"),
)
BATCHES = _of(
    "streams/delivery/batches.py",
    (f"{UNIT}/delivery/test_batches.py",),
    (
        "a batch is cut after one record more",
        "(records[i : i + BATCH_RECORDS] for",
        "(records[i : i + BATCH_RECORDS + 1] for",
    ),
    ("one agent is enough for a commit", "part, delivered.generation, agents)", "part, delivered.generation, 1)"),
    ("records that nobody reads are passed over", "        if not channels:", "        if False:"),
    (
        "what is given up counts as done",
        "        if batch.generation != self._app.consumer_generation_id:",
        "        if False:",
    ),
    ("a partition that is full is fetched on", "if self._deliveries.span(tp) >= HANDED_MAX:", "if False:"),
    (
        "records are handed out while partitions are given up",
        "if not active or not is_current(self.app, generation):",
        "if not active:",
    ),
    ("what was read is handed out again", "bisect_left(records, self._read_offset[tp] or 0", "bisect_left(records, 0"),
)
GUARD = _of(
    "streams/delivery/guard.py",
    DELIVERY,
    (
        "a partition that cannot go on goes on",
        "                await asyncio.Event().wait()\n",
        "                pass\n",
    ),
    ("a fault does not stop the worker", "    await app.crash(error)", "    pass"),
)
APPLICATION = _of(
    "streams/delivery/application.py",
    DELIVERY,
    (
        "partitions are given up without draining",
        "stopped queue of the other.\n        await self._drain()",
        "stopped queue of the other.\n        pass",
    ),
    (
        "a worker stops without draining",
        "        try:\n            await self._drain()",
        "        try:\n            pass",
    ),
    (
        "a worker that cannot store does not end",
        "        except Exception:\n            log.exception(",
        "        except ZeroDivisionError:\n            log.exception(",
    ),
)
TRADING = _of(
    "streams/agents/trading.py",
    DELIVERY,
    ("a fill under another key is taken", "if record.key != fill.instrument.encode():", "if False:"),
    (
        "a fill of an instrument without a leader is passed over",
        '            raise Refused(f"client_order_id: {fill.client_order_id!r}: {fill.instrument} has no leader")',
        "            return",
    ),
    (
        "the leader's position is not lifted",
        "        state.trades_offset = context.applied(key, topics.TRADES.name)\n",
        "        pass\n",
    ),
)
EXCHANGE = _of(
    "streams/agents/exchange.py",
    DELIVERY,
    ("an order under another key is taken", "if record.key != order.instrument.encode():", "if False:"),
    ("an instrument under another key is taken", "if record.key == changed.instrument.encode():", "if True:"),
    (
        "the book's position is not lifted",
        "    begin(state, context.partition, context.applied(key, topics.TRADES.name))\n",
        "    begin(state, context.partition, state.trades_offset)\n",
    ),
)
TRADES = _of(
    "streams/agents/trades.py",
    DELIVERY,
    ("trades that were applied come again", "after=context.applied(key, context.topic))", "after=-1)"),
    ("a price on the edge is no event", "(price < low) | (price > high)", "(price < low - 1) | (price > high)"),
    ("a record that is no trade counts as one", "            self._codes[list(columns.errors)] = 0\n", ""),
)
COLUMNS = _of(
    "schemas/columns.py",
    ("tests/unit/schemas/test_columns.py",),
    ("a trade under another's key counts", "if data[at + k] != names[first + k]:", "if False:"),
    (
        "a trade without a key is told by another's",
        '    if key is None:\n        raise Refused("key: a trade without one belongs to no instrument")\n',
        "",
    ),
    ("half a key will do", "if length != last - first or at + length > end:", "if at + length > end:"),
    ("a key has two colons", "elif names[k] == _COLON or names[k] < 0x20", "elif names[k] < 0x20"),
    (
        "whoever is decoded one by one has any key",
        "            _check_key(trade, keys[key_of[i] - 1] if key_of[i] else None)\n",
        "",
    ),
)
LEADER = _of(
    "streams/trading/leader.py",
    (f"{UNIT}/trading", "tests/property/test_leader.py"),
    ("settings are applied unchecked", "    settings.check()\n", ""),
    ("settings replace what others changed", "    settings = settings.upon(state.settings)\n", ""),
    ("an instrument is applied unchecked", "    instrument.check()\n", ""),
    (
        "a part that is old is applied",
        "return report is Report.PART and fill.cumulative_quantity <= order.executed_quantity",
        "return False",
    ),
    ("a fill tells another order's trader", "named.is_of(_instrument(state)) and ", ""),
)
REPEATS = (
    *_of(
        "streams/trading/leader.py",
        ("tests/property/test_repeats.py",),
        ("a leader takes a trade twice", "    if is_repeat(state.newest, trade):\n        return False\n", ""),
        (
            "who waits takes a trade from before its time",
            "return not is_repeat(state.filled, trade) or",
            "return True or",
        ),
    ),
    *_of(
        "streams/trading/book.py",
        (f"{UNIT}/trading/test_book.py", "tests/property/test_repeats.py"),
        ("a trade that comes twice fills", "        if not is_repeat(book.newest, stamp):\n", "        if True:\n"),
        ("a trade of a time before its cause fills", " and order.since <= time else", " else"),
    ),
    *_of(
        "streams/trading/repeats.py",
        (f"{UNIT}/trading/test_repeats.py",),
        (
            "ids that begin anew are repeats",
            "trade.trade_id <= newest.trade_id and trade.time <= newest.time",
            "trade.trade_id <= newest.trade_id",
        ),
        (
            "a trade of the same moment is a repeat",
            "trade.trade_id <= newest.trade_id and trade.time <= newest.time",
            "trade.time <= newest.time",
        ),
        ("the newest time goes back", "max(newest.time, trade.time)", "trade.time"),
    ),
)
MATCHING = _of(
    "streams/trading/matching.py",
    (f"{UNIT}/trading/test_book.py", "tests/property/test_book.py"),
    (
        "a BUY is filled at its limit",
        "price < limit[i] and (best < 0 or limit[i] > limit[best])",
        "price <= limit[i] and (best < 0 or limit[i] > limit[best])",
    ),
    (
        "a SELL is filled at its limit",
        "price > limit[i] and (best < 0 or limit[i] < limit[best])",
        "price >= limit[i] and (best < 0 or limit[i] < limit[best])",
    ),
    ("the later of equals first", "(best < 0 or limit[i] > limit[best])", "(best < 0 or limit[i] >= limit[best])"),
)
IDS = _of(
    "producers/sequence.py",
    ("tests/unit/producers/test_sequence.py", "tests/unit/producers/test_pump.py"),
    ("a gap is one short", "return self.received - self.previous - 1", "return self.received - self.previous"),
)
SETTINGS = _of(
    "schemas/records.py",
    ("tests/unit/schemas/test_settings.py", "tests/unit/schemas/test_agree.py"),
    ("a change takes all", "self.changed is None or self.revision", "True or self.revision"),
    (
        "time goes back",
        "values[field] = max(getattr(known, field), getattr(self, field))",
        "values[field] = getattr(self, field)",
    ),
    ("anything can be changed", "            if field not in fields:", "            if False:"),
)

CHECKED = ("tests/unit/schemas/test_checks.py",)
CHECKS = (
    *_of(
        "schemas/checks.py",
        CHECKED,
        (
            "a number of any size is written",
            "        if value is not None and not low <= value <= high:\n",
            "        if False:\n",
        ),
        (
            "any text is written",
            "        if value is not None and not (shortest <=",
            "        if False and not (shortest <=",
        ),
        ("a name may have a colon", 'return not name or ":" not in value', "return True"),
        ("a trade may be older than any market", "_MARKET_TIME = Whole(FIRST_MARKET_TIME,", "_MARKET_TIME = Whole(0,"),
        ("a text may hold a NUL", '_NO_TEXT = re.compile("[\\x00', '_NO_TEXT = re.compile("['),
    ),
    *_of(
        "schemas/records.py",
        CHECKED,
        ("an order for nothing is new", "least = 0 if self.status is OrderStatus.REJECTED else 1", "least = 0"),
        ("an order of any status is executed", "if not low <= self.executed_quantity <= high:", "if False:"),
        ("a report of a trade executes nothing", "if not low <= self.quantity <= high:", "if False:"),
        (
            "what was rejected is executed",
            "most = 0 if self.execution_type is ExecutionType.REJECTED else self.order_quantity",
            "most = self.order_quantity",
        ),
    ),
    *_of(
        "schemas/columns.py",
        ("tests/unit/schemas/test_columns.py",),
        ("a trade of any time is decoded", "if trade_id < 0 or not _in_time(", "if False and not _in_time("),
        ("a trade of any name is decoded", "if 0 < exchange <= EXCHANGE_CHARACTERS and 0 <", "if 0 < exchange and 0 <"),
    ),
    *_of(
        "producers/encode.py",
        ("tests/unit/producers/test_encode.py",),
        ("a trade of any time is encoded", "if names is None or not _is_plain(trade):", "if names is None:"),
    ),
    *_of(
        "streams/trading/leader.py",
        (f"{UNIT}/trading/test_leader.py",),
        ("a report of another side counts", "        assert_same(fill, order)\n", "        pass\n"),
    ),
    *_of(
        "streams/trading/book.py",
        (f"{UNIT}/trading/test_book.py",),
        ("a commission is too wide for its report", "// (ONE * ONE), AMOUNT_MAX)", "// (ONE * ONE), 10**99)"),
    ),
)
STOPS = (
    *_of(
        "infra/deadline.py",
        ("tests/unit/infra/test_deadline.py",),
        ("a stop that hangs does not end", "        os._exit(FAILED)\n", "        pass\n"),
        ("the lock of the log holds the end up", "saying.join(SAY_WITHIN_S)", "saying.join()"),
        ("a signal begins no deadline", "lambda *_: self.begin()", "lambda *_: None"),
    ),
    *_of(
        "streams/delivery/application.py",
        (f"{UNIT}/delivery/test_application.py",),
        ("a crash begins no deadline", "        self._begin_to_end()  # Faust", "        # Faust"),
        (
            "a stop begins no deadline",
            'stop as Faust does."""\n        self._begin_to_end()\n',
            'stop as Faust does."""\n',
        ),
    ),
)

MUTANTS = (
    *(*INCARNATIONS, *MARKET, *NOTIFY, *WEB),
    *(*KEEPER, *PARTITION, *CHECKPOINT, *MESSAGES, *STATES, *BATCHES, *FETCHED, *GUARD, *RECOVERY, *APPLICATION),
    *FILES,
    *(*TRADING, *EXCHANGE, *TRADES, *COLUMNS, *LEADER, *REPEATS, *CHECKS, *STOPS, *MATCHING, *IDS, *SETTINGS),
    *AUDIT,
    *PROMISES,
    *WATCHED,
    *SAFETY,
    *GUARDED,
)
