"""The mutants of what tells topics, ids and tables of one life of the installation from those of another."""

from tests.mutants.runner import mutants_of

UNIT = "tests/unit/streams"
DELIVERY = (f"{UNIT}/delivery", f"{UNIT}/agents")

DELIVERED = mutants_of(
    "streams/delivery/incarnations.py",
    DELIVERY,
    ("a topic made anew is the old one", "if stored.topics.get(t, now) != now}", "if False}"),
    ("a state without ids begins anew", "stored.topics.get(t, now) != now", "stored.topics.get(t) != now"),
    ("the old offset counts in the new topic", "            stored.offsets[topic] = -1\n", "            pass\n"),
    (
        "the state is not told of the new topic",
        "            self._begin_anew(stored.state, topic, topic_id)\n",
        "            pass\n",
    ),
    ("a new topic is said of each state", "            self._told |= anew.keys()\n", "            pass\n"),
)
STORED_IDS = mutants_of(
    "streams/delivery/checkpoint.py",
    DELIVERY,
    ("offsets are stored without their topics", "live.outbox, live.place, topics)", "live.outbox, live.place)"),
)
COMMITTED_IDS = mutants_of(
    "streams/delivery/fetching.py",
    DELIVERY,
    ("a commit does not say its topic", 'topic_ids.get(tp.topic, "")', '""'),
)
ORDER_IDS = mutants_of(
    "schemas/order_ids.py",
    ("tests/unit/schemas/test_order_ids.py", f"{UNIT}/agents/test_incarnations.py"),
    ("an id has no incarnation", 'return f"{incarnation}-{code_of', 'return f"a-{code_of'),
    ("an id has the symbol", "{code_of(instrument)}-{trader}", "{instrument}-{trader}"),
    ("one topic makes the incarnation", '" ".join(topic_ids)', "topic_ids[0]"),
    (
        "the id of another instrument is ours",
        "(code_of(instrument) if self.incarnation else instrument)",
        "self.instrument",
    ),
    ("ids of before are not read", '    instrument, number, side = _last(text, ":")\n', '    instrument = ""\n'),
)
NAMING = mutants_of(
    "streams/agents/trading.py",
    (f"{UNIT}/agents",),
    ("a leader takes another incarnation", "if self._incarnation and not state.incarnation:", "if self._incarnation:"),
    ("a leader takes no incarnation", "if self._incarnation and not state.incarnation:", "if False:"),
    (
        "the leaders' own topic names nothing",
        "for topic in (topics.ORDERS, topics.LEADERS)]",
        "for topic in (topics.ORDERS,)]",
    ),
)
ANEW = (
    *mutants_of(
        "streams/trading/leader.py",
        (f"{UNIT}/trading/test_leader.py", f"{UNIT}/agents", f"{UNIT}/audit"),
        ("an incarnation is not in the journal", '    _journal(state, "orders", -1, incarnation=incarnation)\n', ""),
        ("the report of another incarnation is taken", 'named.incarnation in ("", state.incarnation)', "True"),
        ("epochs of an old topic of fills count", "        state.fills_epoch = 0\n", "        pass\n"),
        ("a new topic is not in the journal", "    _journal(state, topic, -1, topic_id=topic_id)\n", ""),
    ),
    *mutants_of(
        "streams/trading/book.py",
        (f"{UNIT}/agents",),
        ("causes in an old topic of trades count", "            order.cause = -1\n", "            pass\n"),
        (
            "versions in an old topic of orders count",
            "        book.counts_anew = True\n",
            "        pass\n",
        ),
        (
            "what is sent again into a new topic of orders counts twice",
            "return book.counts_anew and _incarnation(order) != book.incarnation",
            "return book.counts_anew",
        ),
    ),
)
RENEWED = (
    *mutants_of(
        "streams/agents/checkpoints.py",
        (f"{UNIT}/audit/test_made_anew.py",),
        ("no checkpoint where a topic was made anew", " and version_of(state) != NOT_JOURNALLED:", " and False:"),
        ("a lost topic of checkpoints is not made good", "(*REPLAYED, topics.CHECKPOINTS.name)", "REPLAYED"),
    ),
    *mutants_of(
        "streams/delivery/keeper.py",
        (f"{UNIT}/audit/test_made_anew.py",),
        (
            "only who is asked for learns of a new topic",
            "                    self._renew(partition)\n",
            "                    pass\n",
        ),
    ),
    *mutants_of(
        "streams/trading/book.py",
        (f"{UNIT}/audit/test_made_anew.py", f"{UNIT}/agents"),
        (
            "a book does not say that a topic is new",
            "        _journal(book, topic, -1, topic_id=topic_id)\n",
            "        pass\n",
        ),
        ("a book stays where the old trades ended", "        book.trades_offset = -1\n", ""),
    ),
    *mutants_of(
        "streams/audit/stretches.py",
        (f"{UNIT}/audit",),
        ("a proof goes back into an old topic", "subject.anew.version if subject.anew else 0", "0"),
    ),
)
WORKER = mutants_of(
    "streams/worker.py",
    (f"{UNIT}/test_worker.py",),
    ("a deleted topic is waited for", "deleted = sorted(before.keys() - now.keys())", "deleted = []"),
    ("another topic of the same name will do", "if topic_id != before[name])", "if False)"),
    (
        "a broker that is away stops the worker",
        "    except Unreachable:\n        return",
        "    except KeyError:\n        return",
    ),
    (
        "positions in an old topic count",
        "offset in found.get(mine, {}).items() if offset < 0}",
        "offset in {}.items()}",
    ),
    ("workers of before are run beside", "        if lost:\n", "        if False:\n"),
)

INCARNATIONS = (*DELIVERED, *STORED_IDS, *COMMITTED_IDS, *ORDER_IDS, *NAMING, *ANEW, *RENEWED, *WORKER)
