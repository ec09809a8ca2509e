"""Who is not there, or there twice, in words."""

import pytest

from streams.cli.pipeline.running import missing

HERE, OTHER = "pid 1 at here", "pid 2 at there"


@pytest.mark.parametrize(
    ("traded", "workers", "producers", "said"),
    [
        (0, 0, [HERE], []),
        (3, 1, [HERE], []),
        (3, 0, [HERE], ["no worker: 3 instruments are traded"]),
        (0, 0, [], ["no producer: 7 instruments of binance are streamed"]),
        (1, 2, [HERE, OTHER], [f"2 producers stream from binance, each trade comes as often: {HERE}, {OTHER}"]),
        (1, 0, [], ["no worker: 1 instruments", "no producer: 7 instruments"]),
    ],
)
def test_missing(traded: int, workers: int, producers: list[str], said: list[str]) -> None:
    found = {"traded": traded, "workers": workers, "streamed": {"binance": 7}, "producers": {"binance": producers}}
    told = missing(found)
    assert len(told) == len(said)
    assert all(text.startswith(begin) for text, begin in zip(told, said, strict=True))
