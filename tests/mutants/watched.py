"""The mutants of what is told to Prometheus."""

from tests.mutants.runner import mutants_of

METER = "tests/unit/streams/delivery/test_meter.py"

WATCHED = (
    *mutants_of(
        "streams/delivery/meter.py",
        (METER,),
        ("an order is measured from whatever came in its batch", "if row < len(batch.offsets) and", "if True or"),
        ("an order that ended is measured as a new one", "if record.status is OrderStatus.NEW and", "if True or"),
        ("a batch counts as one record", ".inc(len(batch.records))", ".inc()"),
    ),
    *mutants_of(
        "streams/delivery/batches.py",
        (METER,),
        ("what is open is no lag", "return Lag(max(end - first.offset, 0), first.timestamp)", "return Lag(0, 0)"),
    ),
    *mutants_of(
        "producers/figures.py",
        ("tests/unit/producers/test_figures.py",),
        ("a producer that streams nothing is ready", 'each["wanted"] == each["confirmed"]', "True"),
    ),
)
