"""The table of parameters: it covers the settings, and what is typed, stored and shown of each is one number."""

import msgspec
import pytest

from schemas.parameters import BY_FIELD, FIELDS, HELD, PARAMETERS, SWEPT, Parameter
from schemas.records import Settings
from schemas.sql.backtests import BacktestRun
from schemas.sql.models import SettingsRow

SETTINGS = Settings(exchange="binance", symbol="XRPUSDT")
NO_PARAMETERS = {"exchange", "symbol", "streaming", "status", "updated_time", "changed", "revision", "halted"}
"""The key of settings, the switches, when they were written and what a record changes."""


def test_every_setting_is_a_parameter_or_a_switch() -> None:
    assert set(FIELDS) | NO_PARAMETERS == set(Settings.__struct_fields__)
    assert (*SWEPT, *HELD) == tuple(sorted(FIELDS, key=lambda field: field in HELD))


@pytest.mark.parametrize("table", [SettingsRow, BacktestRun])
def test_the_tables_have_a_column_for_each(table: type[SettingsRow | BacktestRun]) -> None:
    assert set(FIELDS) <= {column.name for column in table.__table__.columns}


def test_options_and_names_tell_them_apart() -> None:
    assert [parameter.option for parameter in PARAMETERS] == [
        *("--chunks", "--budget", "--buy-down", "--profit", "--rebuy", "--fee"),
        *("--notional-limit", "--orders-limit", "--minute-limit", "--loss-limit"),
    ]
    labels = [parameter.label for parameter in PARAMETERS]
    assert labels == [
        *("chunks", "budget", "buy down", "profit", "rebuy", "fee"),
        *("notional limit", "orders limit", "minute limit", "loss limit"),
    ]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.field)
def test_the_bounds_are_those_of_the_settings(parameter: Parameter) -> None:
    for value in (parameter.low, parameter.high):
        msgspec.structs.replace(SETTINGS, **{parameter.field: value}).check()
        assert parameter.parse(parameter.text(value), parameter.option) == value
    for value in (parameter.low - 1, parameter.high + 1):
        with pytest.raises(ValueError, match=rf"^{parameter.field}: \S+ is not between \S+ and \S+$"):
            msgspec.structs.replace(SETTINGS, **{parameter.field: value}).check()


@pytest.mark.parametrize(
    ("field", "help_text"),
    [
        ("chunks", "Most traders at a time (1 to 1000)."),
        ("budget", "Quote asset for all chunks together, such as 100."),
        ("fee", "Commission of one order, as a fraction (0 to 0.99999999)."),
    ],
)
def test_the_help_tells_the_bounds_that_are_not_those_of_the_wire(field: str, help_text: str) -> None:
    assert BY_FIELD[field].help == help_text


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("chunks", "3.0", "--chunks: '3.0' is not a whole number"),
        ("chunks", "1234567890", "--chunks: '1234567890' is not a whole number"),
        ("fee", "1e-3", "--fee: '1e-3' is not a plain decimal such as 0.0025"),
        ("fee", "0.000000001", "--fee: '0.000000001' has more than 8 decimals"),
    ],
)
def test_what_is_no_value_is_refused_by_option_and_text(field: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        BY_FIELD[field].parse(text, BY_FIELD[field].option)
