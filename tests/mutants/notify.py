"""The mutants of the notifier: what is told at least once, to whom, and who is heard."""

from tests.mutants.runner import mutants_of

NOTIFY = (
    *mutants_of(
        "streams/notify/chat.py",
        ("tests/unit/streams/notify/test_chat.py",),
        ("a server's wish to wait is not kept", "chat.next_time = max(chat.next_time, now + seconds * SECOND)", "pass"),
        ("calls are not an interval apart", "chat.next_time = max(chat.next_time, now + chat.interval)", "pass"),
        ("a restart tells again", "notice.place.offset < kept.positions.get(notice.place.key, 0) or", ""),
        ("old alerts are told one by one", "now - notice.time > FRESH or", ""),
        ("quiet hours are not", "if not is_quiet and now >=", "if now >="),
        ("what is snoozed for everybody is told", "chat.kept.snoozed, chat.snoozed_everywhere", "(chat.kept.snoozed,)"),
        ("what is counted meanwhile is lost", "_subtract(chat.kept.counted, counts)", "chat.kept.counted.clear()"),
    ),
    *mutants_of(
        "streams/notify/hub.py",
        ("tests/unit/streams/notify/test_hub.py",),
        ("a position goes back", "max(offset, chat.kept.positions.get(key, 0))", "offset"),
        ("what is not watched is told", "and (watch.watched or kind in TRADING_KINDS)", ""),
        ("a snooze of one is of all", "EVERYTHING if snooze.symbol == ANY else snooze.instrument", "EVERYTHING"),
        ("a topic made anew counts as told", "            kept.told = {}\n", ""),
    ),
    *mutants_of(
        "streams/notify/ledger.py",
        ("tests/unit/streams/notify/test_ledger.py",),
        ("an epoch that is over counts", "if fill.epoch < ledger.epochs.get(fill.instrument, 0):", "if False:"),
        ("a cancel that was asked for is an alert", "or order.cancel_requested", ""),
    ),
    *mutants_of(
        "streams/notify/commands.py",
        ("tests/unit/streams/notify/test_commands.py",),
        ("a button is good for ever", "if heard.now // SECOND > int(until):", "if False:"),
        ("a command does not ask back", "if action.ask is None:", "if True:"),
    ),
    *mutants_of(
        "streams/notify/updates.py",
        ("tests/unit/streams/notify/test_updates.py",),
        ("any user is heard", "if chat is not None and user in users:", "if chat is not None:"),
        ("an update is done twice", "if update.update_id in self._hub.state.handled:", "if False:"),
    ),
)
