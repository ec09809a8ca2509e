"""The mutants of the exchange's book and of the audit: what makes it find what is wrong."""

from tests.mutants.runner import mutants_of as _of

BOOK = _of(
    "streams/trading/book.py",
    ("tests/unit/streams/trading/test_book.py", "tests/property/test_book.py", "tests/unit/streams/agents"),
    ("an epoch outlives its topic", "        book.before, book.epoch = max(book.before, book.epoch), 0\n", ""),
    (
        "versions are counted again in a new topic",
        "order.epoch > max(book.epoch, book.before):",
        "order.epoch > book.epoch:",
    ),
    ("early trades are passed beyond the next cause", "searchsorted(min(causes)))", "searchsorted(max(causes)))"),
    ("early trades are never the newest", "    book.newest = Stamp(*found)\n", ""),
    ("early trades are passed before there are terms", " or book.terms != terms:", ":"),
    ("early trades pass who may be filled", "    stop = first_crossing(tape.prices[:stop], at, *active)\n", ""),
    ("a trade from before its cause fills an order", "if order.cause <= offset and", "if"),
    ("a fill brings quantity", "            left -= executed if terms.partial_fills else 0\n", ""),
    ("parts of a step are traded", "tradable(trade.quantity, book.step)", "trade.quantity"),
    (
        "an order does not change the book",
        "    book.changed = True\n    if order.cancel_requested:",
        "    if order.cancel_requested:",
    ),
    ("a fill is no price", "            prices.append(order.price)\n", ""),
    ("a filled order stays", "                del book.orders[i]\n", "                pass\n"),
    ("terms are taken without a journal entry", "        apply_terms(book, terms)\n", "        book.terms = terms\n"),
    (
        "an order rests without a journal entry",
        '        _journal(book, "orders", offset)\n        placed =',
        "        placed =",
    ),
)
AUDITED = ("tests/unit/streams/audit",)
CHAINS = _of(
    "streams/audit/chains.py",
    AUDITED,
    ("a checkpoint is not compared", "if at_rest(self._side.state) != recorded:", "if False:"),
    ("orders that no book took are not shown", "            self._side.show(None)\n", "            pass\n"),
    ("an entry may go back", "if event.trades_offset < self._side.state.trades_offset:", "if False:"),
    ("trades beyond the end are taken", "if not (self.chain.ends and self._at == len(self._events)):", "if True:"),
)
STRETCHES = _of(
    "streams/audit/stretches.py",
    AUDITED,
    ("a book that began late is fresh", "fresh = not subject.late and needed", "fresh = needed"),
    ("expired trades are not missed", " and mark.trades_offset + 1 >= retained.trades]", "]"),
    ("expired snapshots of orders are not missed", "_taken(start) >= min(last, retained.orders - 1)", "True"),
    ("expired inputs are not missed", "needed = max([lowest - 1, *lost, ", "needed = max([lowest - 1, "),
    ("expired records are not missed", "    lowest = max(trimmed, default=1)\n", "    lowest = 1\n"),
    ("checkpoints of other layouts are read", "if mark.layout == LAYOUTS[STATES[agent]]", "if True"),
)
KNOWN = _of(
    "streams/audit/decisions.py",
    AUDITED,
    ("what comes again is trusted", "self.again |= record.version <= proven.version", "pass"),
    ("a checkpoint that is gone is trusted", "self.again or not self.known.marks.items() <= self._marks", "self.again"),
    (
        "what is not proven is not read again",
        "            self._begins[topic] = min(self._begins[topic], offset)\n",
        "            pass\n",
    ),
)

AUDIT = (*BOOK, *CHAINS, *STRETCHES, *KNOWN)
