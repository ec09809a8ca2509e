"""The endpoints that the configuration gives, with the password of the stack's own database, which no message has."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.config import Config, load_config, misspelt, problems
from infra.errors import BadConfiguration
from infra.passwords import OWNER, make_passwords, password_of

PASSWORD = "{password}"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEDGEHOG_")]:
        monkeypatch.delenv(name)


def config(tmp_path: Path, **values: object) -> Config:
    return Config(**{"_env_file": None, "data_dir": tmp_path, "port_offset": 7, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("", "postgresql+psycopg2://hedgehog:{password}@127.0.0.1:25439/hedgehog"),
        ("postgresql://hedgehog@127.0.0.1:25439/replay", "postgresql://hedgehog:{password}@127.0.0.1:25439/replay"),
        ("postgresql://hedgehog@localhost:25439/x?a=b@c", "postgresql://hedgehog:{password}@localhost:25439/x?a=b@c"),
        ("postgresql://hedgehog:typed@127.0.0.1:25439/replay", None),
        ("postgresql://hedgehog:@127.0.0.1:25439/replay", None),
        ("postgresql://postgres@127.0.0.1:25439/hedgehog", None),
        ("postgresql://hedgehog@127.0.0.1:25432/hedgehog", None),
        ("postgresql://hedgehog@127.0.0.2:25439/hedgehog", None),
        ("postgresql://hedgehog@db.example/hedgehog", None),
    ],
)
def test_the_password_is_for_the_own_server_alone(tmp_path: Path, given: str, used: str | None) -> None:
    made = config(tmp_path, database_url=given)
    assert made.database == (used or given).replace(f":{PASSWORD}", "")
    make_passwords(tmp_path)
    assert made.database == (used or given).replace(PASSWORD, password_of(tmp_path, OWNER) or "")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:secret/x@127.0.0.1:5432/d",
        "postgresql://u:12/secret@127.0.0.1:5432/d",
        "postgresql://u:secret?x@127.0.0.1:5432/d",
        "postgresql://u:secret#x@127.0.0.1:5432/d",
        "postgresql://u:[secret@127.0.0.1:5432/d",
        "postgresql://u:secret@127.0.0.1:port/d",
        "postgresql://u:secret@/d",
        "secret",
    ],
)
def test_a_bad_database_url_is_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        config(tmp_path, database_url=url, partitions=0)
    told = list(problems(raised.value))
    assert [line.partition("=")[0] for line in told] == ["HEDGEHOG_DATABASE_URL", "HEDGEHOG_PARTITIONS"]
    assert "user:password@host:port/database" in told[0]
    assert told[1].startswith("HEDGEHOG_PARTITIONS=0: ")
    assert "secret" not in "".join(told) + str(raised.value)


def test_a_folder_of_the_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = config(tmp_path, data_dir="~/data", cache_dir="~/.cache/hedgehog")
    assert (made.data_dir, made.cache_dir) == (tmp_path / "data", tmp_path / ".cache" / "hedgehog")


def test_misspelt_variables_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("HEDGEHOG_DATA_DIR=x\nHEDGEHOG_PARTITONS=3\nOTHER=1\n")
    monkeypatch.setenv("HEDGEHOG_UNHEARD", "1")
    monkeypatch.setenv("hedgehog_infra", "native")
    assert misspelt() == [
        "HEDGEHOG_PARTITONS is no variable of hedgehog; HEDGEHOG_PARTITIONS is",
        "HEDGEHOG_UNHEARD is no variable of hedgehog",
    ]


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes("HEDGEHOG_PARTITIONS=3\n".encode("utf-16"))
    with pytest.raises(BadConfiguration, match=r"^\.env: is not UTF-8: "):
        load_config()
    (tmp_path / ".env").write_bytes("\ufeffHEDGEHOG_PARTITIONS=3\r\n".encode())
    assert load_config().partitions == 3
    assert not misspelt()


@pytest.mark.parametrize("name", ["binance", "coinbase", "bitstamp"])
@pytest.mark.parametrize(
    ("kind", "url", "used"),
    [
        ("stream", "wss://stream.example.com:9443", "wss://stream.example.com:9443"),
        ("stream", "ws://127.0.0.1:7/", "ws://127.0.0.1:7"),
        ("stream", "wss://stream.example.com:9443/ws", None),
        ("stream", "wss://stream.example.com:9443/stream", None),
        ("stream", "wss://stream.example.com?streams=a", None),
        ("stream", "stream.example.com:9443", None),
        ("stream", "https://stream.example.com", None),
        ("stream", "wss://stream.example.com:port", None),
        ("stream", "wss://", None),
        ("stream", "", None),
        ("rest", "https://api.example.com/", "https://api.example.com"),
        ("rest", "http://127.0.0.1:7", "http://127.0.0.1:7"),
        ("rest", "https://api.example.com/api/v3", None),
        ("rest", "wss://api.example.com", None),
        ("rest", "api.example.com", None),
    ],
)
def test_the_urls_of_an_exchange_are_its_base(tmp_path: Path, name: str, kind: str, url: str, used: str | None) -> None:
    field = f"{name}_{kind}_url"
    if used is not None:
        assert getattr(config(tmp_path, **{field: url}), field) == used
        return
    with pytest.raises(ValidationError) as raised:
        config(tmp_path, **{field: url})
    (said,) = problems(raised.value)
    right = "wss://host" if kind == "stream" else "https://host"
    assert said.startswith(f"HEDGEHOG_{field.upper()}={url}: ")
    assert f"not of the form {right} or {right}:port" in said


HTTP = "not of the form https://host or https://host:port"
SERVER = "is not of the form host:port; several are separated by commas"
DATABASE = "not of the form postgresql+psycopg2://user:password@host:port/database"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("registry_url", "127.0.0.1:28081", HTTP),
        ("registry_url", "https://registry.example.com/apis/ccompat/v7", None),
        ("connect_url", "localhost:28083", HTTP),
        ("connect_registry_url", "http://", HTTP),
        ("telegram_url", "ws://127.0.0.1", HTTP),
        ("notify_webhook", "example.com/secret", HTTP),
        ("notify_webhook", "https://example.com/secret?x=1", None),
        ("kafka_bootstrap", "http://localhost:9092", SERVER),
        ("kafka_bootstrap", "localhost", SERVER),
        ("kafka_bootstrap", "localhost:abc", SERVER),
        ("kafka_bootstrap", "a:9092,b", SERVER),
        ("kafka_bootstrap", "a:9092, b:9092,[::1]:9092", None),
        ("database_url", "postgres://a@b/c", DATABASE),
        ("database_url", "mysql://a@b/c", DATABASE),
        ("database_url", "postgresql+asyncpg://a@b/c", DATABASE),
        ("database_url", "postgresql+psycopg2://a@b/c", None),
        ("topic_prefix", "a b.", "String should match pattern"),
        ("topic_prefix", "ä.", "String should match pattern"),
        ("topic_prefix", "../x", "String should match pattern"),
        ("topic_prefix", "replay-2_x.", None),
    ],
)
def test_an_endpoint_of_no_form_is_named_at_once(tmp_path: Path, field: str, value: str, said: str | None) -> None:
    if said is None:
        assert getattr(config(tmp_path, **{field: value}), field) == value
        return
    with pytest.raises(ValidationError) as raised:
        config(tmp_path, **{field: value})
    (line,) = problems(raised.value)
    assert line.startswith(f"HEDGEHOG_{field.upper()}=")
    assert said in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"telegram_token": "123:hidden token"}, "HEDGEHOG_TELEGRAM_TOKEN=…: String should match"),
        ({"telegram_chats": "7,friends"}, "HEDGEHOG_TELEGRAM_CHATS=7,friends: String should match"),
        ({"telegram_users": "7;8"}, "HEDGEHOG_TELEGRAM_USERS=7;8: String should match"),
        ({"notify_quiet": "22-7"}, "HEDGEHOG_NOTIFY_QUIET=22-7: String should match"),
        ({"notify_quiet": "22:00-24:00"}, "HEDGEHOG_NOTIFY_QUIET=22:00-24:00: String should match"),
        (
            {"notify_zone": "Mars/Base"},
            "HEDGEHOG_NOTIFY_ZONE=Mars/Base: Value error, no time zone such as",
        ),
        ({"notify_zone": "../etc/passwd"}, "HEDGEHOG_NOTIFY_ZONE=../etc/passwd: Value error, no time zone"),
    ],
)
def test_what_the_notifier_cannot_use_is_named(tmp_path: Path, values: dict[str, str], shown: str) -> None:
    with pytest.raises(ValidationError) as raised:
        config(tmp_path, **values)
    (line,) = problems(raised.value)
    assert line.startswith(shown)
    assert "hidden" not in line
