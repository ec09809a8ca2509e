"""Mutants of what the strategy promises: refused SELLs, the budget, the account, the rules of before."""

from tests.mutants.runner import mutants_of as _of

TESTS = ("tests/unit/streams/trading/test_leader.py", "tests/unit/streams/trading/test_account.py")
LEADER = ("tests/property/test_leader.py", *TESTS)
REMOVED = ":\n            _remove"
REBUY = "            if _rebuy(leader, rules, i, price):\n                i += 1\n        i += 1"
PROMISES = (
    *_of(
        "streams/trading/strategy.py",
        TESTS,
        ("a refused SELL stands still for good", "leader.stage[i] = HOLDING", "pass"),
        (
            "who holds is dismissed",
            "(BUYING, SELLING, HOLDING):\n            _remove",
            "(BUYING, SELLING):\n            _remove",
        ),
        ("a rebuy looks at no budget", " or not _has_room(leader, rules):", ":"),
        ("who is replaced looks at no budget", " and _has_room(leader, rules)", ""),
        (
            "what is sold binds its part of the budget",
            "    leader.quantity[i] = 0  # it is sold",
            "    pass  # it is sold",
        ),
        ("what was sold is sold again", "                leader.quantity[i] -= executed\n", "                pass\n"),
        (
            "who waits to sell looks at no rebuy",
            "            if _rebuy(leader, rules, i, price):\n                i += 1\n        i += 1",
            "        i += 1",
        ),
    ),
    *_of(
        "streams/trading/leader.py",
        LEADER,
        ("a second SELL has the id of the first", "state.sells.get(number, 0) + 1", "1"),
        ("what is left is not told apart", "    account.leave(", "    None and account.leave("),
        ("a journal does not say the rules", "    if state.version == 1 and", "    if False and"),
    ),
    *_of(
        "streams/trading/ruleset.py",
        LEADER,
        ("stale columns stay", "        column[count:] = [0] * (len(column) - count)\n", "        pass\n"),
        ("rules of before know the budget", "return rules if ruleset == TODAY else", "return rules if True else"),
    ),
    *_of(
        "streams/delivery/partition.py",
        ("tests/unit/streams/delivery", "tests/unit/streams/agents"),
        (
            "batches are done again at the next checkpoint",
            "        self.batches, self.waiting = [], 0\n        return",
            "        return",
        ),
        (
            "after a checkpoint records still wait",
            "        self.batches, self.waiting = [], 0\n        return",
            "        self.batches = []\n        return",
        ),
    ),
    *_of(
        "producers/holes.py",
        ("tests/unit/producers/test_holes.py",),
        ("what could not be read was nothing", "                self._miss(event)\n", ""),
        ("what could not be read was of all", "if unread.symbol in (None, series.symbol):", "if True:"),
        (
            "nobody is asked after when something could not be read",
            "        self.breaks += 1\n        for series in self.series.values():\n            if unread",
            "        for series in self.series.values():\n            if unread",
        ),
        ("what was filled last is filled again", "*self._filled.pop(streamed.symbol, ())]", "]"),
        ("what is missing in it is not certain", "        series.recalled += certain_after\n", ""),
    ),
    *_of(
        "producers/holes.py",
        ("tests/unit/producers/test_compared.py",),
        (
            "what was read back to its newest trade is not certain",
            "0 if symbol in self._whole else certain_since(symbol)",
            "certain_since(symbol)",
        ),
        ("what was filled first is compared", "(*self._filled.pop(trade.symbol, ()), trade)", "(trade,)"),
        (
            "what was filled late is compared",
            "(*self._filled.pop(trade.symbol, ()), trade)",
            "self._filled.pop(trade.symbol, ())",
        ),
    ),
    *_of(
        "producers/tail.py",
        ("tests/unit/producers/test_tail.py",),
        ("a topic's beginning is not certain", " if reach[at][0] else 0", ""),
        ("two clocks are one", " * 1_000 + CLOCKS_US if", " * 1_000 if"),
    ),
    *_of(
        "producers/series.py",
        ("tests/unit/producers/test_compared.py", "tests/unit/producers/test_holes.py"),
        ("what came is asked for", "        opened.had |= dict.fromkeys(number for", "        {}.fromkeys(number for"),
        (
            "what was filled before is new",
            "if not self.contiguous or number < self._oldest:",
            "if not self.contiguous:",
        ),
        ("what was compared is compared again", "        self._check_from(before, self.newest_time)\n", ""),
        ("all that was read at the start is certain", "        self._certain_since = certain_since\n", ""),
        (
            "what was not streamed is compared",
            "            self._check_from(trade.trade_id, trade.trade_time)\n            if",
            "            if",
        ),
        (
            "what was compared of ids of before stays",
            "[opened for opened in self.holes if not opened.check]",
            "self.holes",
        ),
        ("ids that are no series are kept for ever", "if len(self._since) > COMPARED_MAX:", "if False:"),
        (
            "of much that nobody looked at nothing is compared",
            "self._checked = max(self._checked, *came[: COMPARED_MAX // 2])",
            "self._checked = max(came)",
        ),
        (
            "what is filled beyond the newest trade makes others too old",
            "            if number <= self.newest:  # else",
            "            if True:  # else",
        ),
        (
            "a trade of a gap that was asked for again is new",
            "        self._lost = [part for span in self._lost for part in outside(span, asked)]\n",
            "",
        ),
        ("nothing that was read is compared", "if one[1] < since), default", "), default"),
        (
            "a late trade that is read first hides what is missing before it",
            "default=min([self._checked, *came])",
            "default=self._checked",
        ),
        (
            "what was published before what is read is asked for",
            "trade.trade_time >= self._certain_since",
            "True",
        ),
        (
            "of a gap that is asked for again the oldest are left out",
            "self.contiguous or opened.counted or",
            "self.contiguous or",
        ),
        ("a trade of two holes comes twice", "other.had[number] = None", "pass"),
        (
            "ids of before ids began anew hide new ones",
            "if self.contiguous or self._is_of_before(trade):",
            "if self.contiguous:",
        ),
    ),
    *_of(
        "producers/holes.py",
        ("tests/unit/producers/test_holes.py",),
        (
            "what is left of a gap comes with newer trades, too",
            "        elif gap.last_id > newest and gap.after_time >= time:",
            "        elif False:",
        ),
        ("a gap of before ids began anew is cut", " and gap.after_time >= time:", ":"),
        ("all of a later gap is asked for by itself", "if gap.before_time > time or (", "if False or ("),
        (
            "the beginning of ids is asked for by itself",
            " or (gap.before_time == time and gap.first_id == 0):",
            ":",
        ),
        (
            "of ids that leave some out a gap is cut",
            "if series is None or not series.contiguous or series.newest < 0:",
            "if series is None or series.newest < 0:",
        ),
    ),
    *_of(
        "producers/filler.py",
        ("tests/unit/producers/test_filler.py",),
        (
            "a gap is asked for whole",
            "        gap = msgspec.structs.replace(gap, last_id=last)\n",
            "",
        ),
        ("what is left of nothing is asked for", "        if last < gap.first_id:", "        if False:"),
    ),
    *_of(
        "producers/tail.py",
        ("tests/unit/producers/test_tail.py",),
        (
            "the last minutes are not read",
            "        reach[at] = min(wanted[at][0],",
            "        reach[at] = max(wanted[at][0],",
        ),
        ("the last minutes are read of all instruments", " or message.key() in keys:", " or True:"),
        ("the last minutes are read however much they are", "max(first, end - FURTHER[0])", "first"),
        ("what was filled is the newest", "if not trade.filled and (not", "if True and (not"),
        ("the last is the newest", " or is_newer(trade, published[0])):", " or True):"),
        ("what was pruned is read", "(max(kept.get(partition, first), first - more)", "(max(0, first - more)"),
        ("the newest has the highest id", "if abs(apart_us) <= DISORDER_US", "if True or DISORDER_US"),
        ("trades come in the order of their times", "if abs(apart_us) <= DISORDER_US", "if False and DISORDER_US"),
    ),
    *_of(
        "schemas/nodes.py",
        ("tests/unit/schemas/test_coordinators.py", "tests/unit/schemas/test_nodes.py"),
        ("a coordinator that loads knows nothing", "    if code:\n", "    if False:\n"),
        (
            "one that loads is not asked again",
            "                if not error.retriable:\n                    raise\n",
            "                raise\n",
        ),
        (
            "what is refused is asked for ever",
            "                if not error.retriable:\n                    raise\n",
            "                pass\n",
        ),
        ("a silent broker takes all the time", "timeout_s * 1_000 / TRIES", "timeout_s * 1_000"),
    ),
    *_of(
        "schemas/broker.py",
        ("tests/unit/schemas/test_nodes.py",),
        ("one broker shows the topics", "in nodes.numbers()]", "in nodes.numbers()[:1]]"),
        (
            "what a broker does not show is not waited for",
            '            assert_taken(code, f"broker',
            '            str(f"broker',
        ),
        ("what a broker still shows is not waited for", "        elif not code:\n", "        elif False:\n"),
        ("a broker that is away is waited for", "    except AWAY:\n", "    except ():\n"),
    ),
    *_of(
        "schemas/coordinators.py",
        ("tests/unit/schemas/test_coordinators.py",),
        ("groups that share out anew have members", "if state == STABLE else 0", "if state else 0"),
    ),
    *_of(
        "producers/subscriptions.py",
        ("tests/unit/producers/test_subscriptions.py",),
        ("what was refused once is never asked for again", "if refused.again_at > now}", "}"),
        ("what is refused is asked for every minute", "min(2 * before.pause_s, AGAIN_MAX_S)", "AGAIN_S"),
        ("a refusal is told each time", "told=before is not None and before.error == error", "told=False"),
    ),
    *_of(
        "infra/kept.py",
        ("tests/unit/infra/test_kept.py",),
        (
            "where nothing can be kept nothing is compiled",
            "    except RuntimeError:\n",
            "    except ZeroDivisionError:\n",
        ),
        ("nothing is kept", "numba.njit(cache=True)(function)", "numba.njit(function)"),
    ),
    *_of(
        "producers/rows.py",
        ("tests/unit/producers/test_histories.py", "tests/unit/producers/binance/test_history.py"),
        ("a row that is none costs all", "        return _one_by_one(raw, kind, what)", "        raise"),
        ("nothing that is a row is an answer", "    if not rows:\n", "    if False:\n"),
    ),
    *_of(
        "producers/filler.py",
        ("tests/unit/producers/test_compared.py",),
        ("what could not be read was nothing worth a word", "if in_vain and reason != before:", "if False:"),
        ("what could not be read is filled", "else in_vain", "else int(not opened.told)"),
    ),
    *_of(
        "schemas/registry_copy.py",
        ("tests/unit/schemas/test_registry_copy.py",),
        ("others' subjects are copied", 'and of["subject"] in subjects]', "]"),
        ("others' schemas are copied", 'content["contentId"] in named', "True"),
    ),
    *_of(
        "streams/audit/decisions.py",
        ("tests/unit/streams/audit/test_stretches.py",),
        ("epochs of what is read again count", "if offset < begins.get(TOPIC_OF[kind], 0)", "if True"),
    ),
    *_of(
        "connectors/letters.py",
        ("tests/unit/connectors/test_letters.py",),
        (
            "records of schemas that nobody knows are read for ever",
            "and known(letter.schema_id)",
            "",
        ),
        (
            "reading begins at the last",
            "min(first.get(letter.partition, letter.offset), letter.offset)",
            "letter.offset",
        ),
        ("letters that come again stay too", "if comes_again or place", "if place"),
        ("a letter is there twice", "if comes_again or place in written:", "if comes_again:"),
        ("letters of records that are gone are deleted", " + 1) and _is_there(letter, there)", " + 1)"),
        ("records that are gone are read again", "_is_there(letter, there) and known", "known"),
        ("what was looked at is looked at again", "                self._suspect.discard(name)\n", ""),
    ),
    *_of(
        "connectors/watching.py",
        ("tests/unit/connectors/test_restarts.py",),
        ("a sink that was stopped stays so", ', "STOPPED": "was stopped and not started again"}', "}"),
    ),
)
