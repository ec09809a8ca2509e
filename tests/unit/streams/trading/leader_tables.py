"""What a leader does, as tables; `test_leader.py` tells them to one."""

# Each table: EVENT | ORDERS SENT | TRADERS AFTER. Events, with n:B or n:S the order of trader n:
#   set NAME=VALUE …        new settings            trade PRICE          a market trade
#   seed NAME=VALUE …       what the exchange says  (everything unnamed as before)
#   fill n:B                the rest is executed    part n:B QUANTITY    executed so far
#   canceled|rejected|expired n:B
TABLES = {
    "a trader buys, sells, and another takes its place": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 99.5      |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        trade 102       |                                | 1
        fill 1:S        | 1:S FILLED                     | 2
        trade 102       | 2:B NEW 100.98 x 0.9           | 2
    """,
    "a part changes executed quantity and status, and nothing else": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        part 1:B 0.4    | 1:B PARTIALLY_FILLED 0.4       | 1
        part 1:B 0.4    |                                | 1
        part 1:B 0.7    | 1:B PARTIALLY_FILLED 0.7       | 1
        part 1:B 0.5    |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        part 1:S 0.1    | 1:S PARTIALLY_FILLED 0.1       | 1
    """,
    "a completed order acts once, whatever arrives late or twice": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        fill 1:B        |                                | 1
        part 1:B 0.4    |                                | 1
        canceled 1:B    |                                | 1
        expired 1:B     |                                | 1
        fill 1:S        | 1:S FILLED                     | 2
        fill 1:S        |                                | 2
        fill 1:B        |                                | 2
        rejected 1:S    |                                | 2
        trade 102       | 2:B NEW 100.98 x 0.9           | 2
    """,
    "a rebuy starts one trader at the front, once, and that one sees the next trade first": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94.05     |                                | 1
        trade 94.04     |                                | 2 1
        trade 94.04     | 2:B NEW 93.09 x 1              | 2 1
        trade 90        |                                | 2 1
        trade 88.43     |                                | 3 2 1
        trade 88        | 3:B NEW 87.12 x 1.1            | 3 2 1
    """,
    "no more traders than chunks": """
        set status=on chunks=1 |                         | 1
        trade 100       | 1:B NEW 99 x 3                 | 1
        trade 50        |                                | 1
        trade 10        |                                | 1
    """,
    "who replaces a finished trader takes its place": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        trade 88        |                                | 3 2 1
        trade 88        | 3:B NEW 87.12 x 1.1            | 3 2 1
        fill 2:B        | 2:B FILLED, 2:S NEW 94.92 x 1  | 3 2 1
        fill 2:S        | 2:S FILLED                     | 3 4 1
        trade 90        | 4:B NEW 89.1 x 1.1             | 3 4 1
    """,
    "a fill is a price to the other traders, to its own it is not": """
        set status=on rebuy_interval=0.005 |             | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 98.50     |                                | 2 1
        trade 98.6      | 2:B NEW 97.61 x 1              | 2 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 2 1
        fill 1:S        | 1:S FILLED                     | 2 3
        trade 120       | 3:B NEW 118.8 x 0.8            | 2 3
        fill 2:B        | 2:B FILLED, 2:S NEW 99.56 x 1  | 4 2 3
        trade 110       | 4:B NEW 108.9 x 0.9            | 4 2 3
    """,
    "shutdown: what runs finishes, nothing starts": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set status=shutdown |                            | 1
        trade 90        |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        fill 1:S        | 1:S FILLED                     |
        trade 100       |                                |
        set status=on   |                                | 2
        trade 100       | 2:B NEW 99 x 1                 | 2
    """,
    "shutdown: a trader without an order ends at once": """
        set status=on   |                                | 1
        set status=shutdown |                            |
        trade 100       |                                |
    """,
    "shutdown: a trader that can do nothing more ends, or it would never be over": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER | 2 1
        set status=shutdown |                            | 2 1
        trade 93.5      | 1:S2 REJECTED PRICE_FILTER     | 2
        expired 2:B     | 2:B EXPIRED                    |
        trade 100       |                                |
    """,
    "shutdown: a SELL that was refused is placed again, and what was bought is sold": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER | 1
        set status=shutdown profit_interval=0.005 |      | 1
        trade 90        | 1:S2 NEW 99.49 x 1             | 1
        trade 90        |                                | 1
        fill 1:S2       | 1:S2 FILLED                    |
        set status=on   |                                | 2
    """,
    "shutdown: nor does it wait for a SELL that a filter forbids": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set status=shutdown |                            | 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER |
        set status=on   |                                | 2
    """,
    "off: open orders are cancelled, no trader runs": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 2 1
        set status=off  | 2:B cancel, 1:S cancel         |
        canceled 1:S    | 1:S CANCELED                   |
        trade 94        |                                |
        canceled 2:B    | 2:B CANCELED                   |
        canceled 2:B    |                                |
    """,
    "off: a fill that was faster than the cancellation is told, and nothing follows from it": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set status=off  | 1:B cancel                     |
        part 1:B 0.3    | 1:B PARTIALLY_FILLED 0.3       |
        set status=on   |                                | 2
        fill 1:B        | 1:B FILLED                     | 2
        canceled 1:B    |                                | 2
        trade 100       | 2:B NEW 99 x 1                 | 2
    """,
    "off again changes nothing": """
        set status=off  |                                |
        trade 100       |                                |
        set status=off  |                                |
    """,
    "refused by LOT_SIZE, by name and without a loop": """
        seed min_quantity=2 |                            |
        set status=on   |                                | 1
        trade 100       | 1:B REJECTED LOT_SIZE          | 1
        trade 100       |                                | 1
        trade 10        |                                | 1
    """,
    "refused by PRICE_FILTER": """
        seed max_price=98 |                              |
        set status=on   |                                | 1
        trade 100       | 1:B REJECTED PRICE_FILTER      | 1
        trade 90        |                                | 1
        set status=off  |                                |
    """,
    "refused by MIN_NOTIONAL; settings that allow it give it a new try under a new id": """
        seed min_notional=200 |                          |
        set status=on   |                                | 1
        trade 100       | 1:B REJECTED MIN_NOTIONAL      | 1
        trade 100       |                                | 1
        seed min_notional=50 |                           | 2
        trade 100       | 2:B NEW 99 x 1                 | 2
        trade 100       |                                | 2
    """,
    "an order that is worth too much": """
        seed max_notional=90 |                           |
        set status=on   |                                | 1
        trade 100       | 1:B REJECTED NOTIONAL          | 1
        trade 50        |                                | 1
    """,
    "a BUY too far below the market, a SELL too far above what it was bought at": """
        seed bid_multiplier_down=0.991 |                 |
        set status=on   |                                | 1
        trade 100       | 1:B REJECTED PERCENT_PRICE_BY_SIDE | 1
        seed bid_multiplier_down=0.99 ask_multiplier_up=1.019 | | 2
        trade 100       | 2:B NEW 99 x 1                 | 2
        fill 2:B        | 2:B FILLED, 2:S REJECTED PERCENT_PRICE_BY_SIDE | 2
    """,
    "no more is bought than may be held, on its way or refused to be sold too": """
        seed max_position=1.9 |                          |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94.04     |                                | 2 1
        trade 94.04     | 2:B REJECTED MAX_POSITION      | 2 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 2 1
        set status=on   |                                | 3 1
        trade 94.04     | 3:B REJECTED MAX_POSITION      | 3 1
        fill 1:S        | 1:S FILLED                     | 3 4
        trade 94.04     | 4:B NEW 93.09 x 1              | 3 4
    """,
    "a refused SELL keeps its trader idle": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER | 1
        trade 99        |                                | 1
        trade 120       |                                | 1
    """,
    "new settings place a refused SELL again, under a new id, at the next trade; from then on all is as usual": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER | 1
        set profit_interval=0.03 |                       | 1
        trade 99        | 1:S2 REJECTED PRICE_FILTER     | 1
        trade 99        |                                | 1
        seed max_price=102 |                             | 1
        trade 99        | 1:S3 NEW 101.97 x 1            | 1
        set chunks=2    |                                | 1
        trade 99        |                                | 1
        fill 1:S3       | 1:S3 FILLED                    | 2
        trade 100       | 2:B NEW 99 x 1.5               | 2
    """,
    "whoever waits to sell again may start one more, by the trade that it sells after": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER | 1
        seed max_price=200 |                             | 1
        trade 94        | 1:S2 NEW 100.98 x 1            | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
    """,
    "what a halted SELL had sold is not sold again": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        part 1:S 0.4    | 1:S PARTIALLY_FILLED 0.4       | 1
        expired 1:S     | 1:S EXPIRED                    | 1
        set status=on   |                                | 1
        trade 100       | 1:S2 NEW 100.98 x 0.6          | 1
    """,
    "more chunks of the same budget start only as what is held by fewer leaves room": """
        set status=on chunks=2 |                         | 1
        trade 100       | 1:B NEW 99 x 1.5               | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1.6            | 2 1
        set chunks=3    |                                | 2 1
        trade 88        |                                | 2 1
        fill 2:B        | 2:B FILLED, 2:S NEW 94.92 x 1.6 | 2 1
        fill 2:S        | 2:S FILLED                     | 3 1
        trade 88        | 3:B NEW 87.12 x 1.1            | 3 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1.5 | 3 1
        trade 82        |                                | 3 1
        fill 1:S        | 1:S FILLED                     | 3 4
    """,
    "a lower budget: who finishes is not replaced before there is room, who waits is let go": """
        set status=on chunks=2 |                         | 1
        trade 100       | 1:B NEW 99 x 1.5               | 1
        trade 94        |                                | 2 1
        set budget=160  |                                | 1
        trade 94        |                                | 1
        set budget=300  |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1.5 | 1
        set budget=200  |                                | 1
        fill 1:S        | 1:S FILLED                     | 3
        trade 100       | 3:B NEW 99 x 1                 | 3
    """,
    "a lower budget: the place of who finishes stays empty while the others hold too much": """
        set status=on chunks=2 |                         | 1
        trade 100       | 1:B NEW 99 x 1.5               | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1.6            | 2 1
        fill 2:B        | 2:B FILLED, 2:S NEW 94.92 x 1.6 | 2 1
        set budget=160  |                                | 2 1
        fill 2:S        | 2:S FILLED                     | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1.5 | 1
        fill 1:S        | 1:S FILLED                     | 3
    """,
    "an order that the exchange refused halts its trader; turning on starts another": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        rejected 1:B    | 1:B REJECTED                   | 1
        trade 99        |                                | 1
        trade 50        |                                | 1
        set status=on   |                                | 2
        trade 50        | 2:B NEW 49.5 x 2               | 2
    """,
    "an order that expired, half filled, halts its trader": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        part 1:B 0.5    | 1:B PARTIALLY_FILLED 0.5       | 1
        expired 1:B     | 1:B EXPIRED                    | 1
        fill 1:B        |                                | 1
        trade 99        |                                | 1
    """,
    "an order that someone else canceled halts its trader": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        canceled 1:S    | 1:S CANCELED                   | 1
        trade 200       |                                | 1
    """,
    "chunks raised while running": """
        set status=on chunks=1 |                         | 1
        trade 100       | 1:B NEW 99 x 3                 | 1
        set chunks=3 budget=900 |                        | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 3.2            | 2 1
        trade 88        |                                | 3 2 1
    """,
    "chunks lowered while running: who finishes is not replaced until they fit": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        trade 88        |                                | 3 2 1
        set chunks=1    |                                | 2 1
        fill 2:B        | 2:B FILLED, 2:S NEW 94.92 x 1  | 2 1
        fill 2:S        | 2:S FILLED                     | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        fill 1:S        | 1:S FILLED                     | 4
        trade 100       | 4:B NEW 99 x 3                 | 4
    """,
    "other settings hold from the next order on": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set profit_interval=0.05 |                       | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 103.95 x 1 | 1
        set buy_down_interval=0.02 budget=600 |          | 1
        fill 1:S        | 1:S FILLED                     | 2
        trade 100       | 2:B NEW 98 x 2                 | 2
    """,
}

UNSEEDED = {
    "settings that come before the instrument wait for it": """
        set status=on   |                                |
        trade 100       |                                |
        seed            |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
    """,
    "only the settings that are there when the instrument comes count": """
        set status=on   |                                |
        set status=off  |                                |
        seed            |                                |
        trade 100       |                                |
        set status=on   |                                | 1
    """,
    "a shutdown that comes before the instrument has nothing to end": """
        set status=shutdown |                            |
        seed            |                                |
        trade 100       |                                |
    """,
    "an instrument without settings is not traded": """
        seed            |                                |
        trade 100       |                                |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
    """,
    "another tick holds from the next order on": """
        seed            |                                |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        seed tick_size=1 |                               | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100 x 1    | 1
    """,
    "seeding again neither starts nor ends anything": """
        seed            |                                |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set status=shutdown |                            | 1
        seed            |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        fill 1:S        | 1:S FILLED                     |
        seed            |                                |
        trade 100       |                                |
    """,
}
