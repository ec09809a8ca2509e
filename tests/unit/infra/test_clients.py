"""TLS and SASL: what does not fit together is refused, and each client gets the same in its own words."""

import os
import re
import ssl
from pathlib import Path

import certifi
import pytest
from pydantic import ValidationError

from infra import clients
from infra.config import Config, problems
from infra.errors import BadConfiguration
from infra.native.connect import worker_properties

ROOT = Path(__file__).parents[3]
BOOTSTRAP = "one.example.com:9093, two.example.com:9093"
PASSWORD = 'se"cr\\et'


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEDGEHOG_")]:
        monkeypatch.delenv(name)


def config(**values: object) -> Config:
    of_kafka = {f"kafka_{name}": value for name, value in {"bootstrap": BOOTSTRAP, **values}.items()}
    return Config(**{"_env_file": None, **of_kafka})  # type: ignore[arg-type]


def whole(**values: object) -> Config:
    given = {"security": "sasl_ssl", "username": "hedgehog", "password": PASSWORD, "ca_file": certifi.where()}
    return config(**(given | values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"security": "tls"}, ["KAFKA_SECURITY=tls: Input should be 'plaintext', 'ssl'"]),
        ({"security": "ssl", "bootstrap": ""}, ["KAFKA_SECURITY=ssl: Value error, the stack's own brokers speak"]),
        ({"ca_file": "ca.pem"}, ["KAFKA_CA_FILE=ca.pem: Value error, is for HEDGEHOG_KAFKA_SECURITY=ssl or sasl_ssl"]),
        (
            {"security": "ssl", "ca_file": "nowhere.pem"},
            ["KAFKA_CA_FILE=nowhere.pem: Value error, No such file or directory"],
        ),
        ({"security": "ssl", "ca_file": __file__}, [f"KAFKA_CA_FILE={__file__}: Value error, has no certificate"]),
        ({"security": "ssl", "username": "u"}, ["KAFKA_USERNAME=u: Value error, is for HEDGEHOG_KAFKA_SECURITY=sasl_"]),
        ({"username": "u"}, ["KAFKA_USERNAME=u: Value error, is for"]),
        ({"password": "hidden"}, ["KAFKA_PASSWORD=…: Value error, is for"]),
        ({"password_file": "f"}, ["KAFKA_PASSWORD_FILE=f: Value error, is for"]),
        (
            {"security": "sasl_ssl"},
            ["KAFKA_USERNAME=: Value error, HEDGEHOG_KAFKA_SECURITY=sasl_ssl needs one", "KAFKA_PASSWORD_FILE=: "],
        ),
        (
            {"security": "sasl_ssl", "username": "u"},
            ["KAFKA_PASSWORD_FILE=: Value error, HEDGEHOG_KAFKA_SECU"],
        ),
        (
            {"security": "sasl_ssl", "username": "u", "password": "hidden", "password_file": "f"},
            ["KAFKA_PASSWORD_FILE=f: Value error, is given beside HEDGEHOG_KAFKA_PASSWORD: one of them"],
        ),
        ({"mechanism": "scram"}, ["KAFKA_MECHANISM=scram: Input should be 'SCRAM-SHA-512'"]),
    ],
    ids=str,
)
def test_what_does_not_fit_together_is_named(values: dict[str, object], said: list[str]) -> None:
    with pytest.raises(ValidationError) as raised:
        config(**values)
    lines = list(problems(raised.value))
    assert len(lines) == len(said)
    for line, begin in zip(lines, said, strict=True):
        assert line.startswith(f"HEDGEHOG_{begin}")
        assert "hidden" not in line


def test_plain_text_says_where_and_nothing_else() -> None:
    assert clients.librdkafka(config()) == {"bootstrap.servers": BOOTSTRAP}
    assert clients.aiokafka(config()) == {"bootstrap_servers": ["one.example.com:9093", "two.example.com:9093"]}
    assert clients.java(config()) == {"bootstrap.servers": BOOTSTRAP}
    assert clients.jaas(config()) == {}


def test_each_client_is_told_the_same() -> None:
    made = whole(security="SASL_SSL")
    assert clients.librdkafka(made) == {
        "bootstrap.servers": BOOTSTRAP,
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": certifi.where(),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "hedgehog",
        "sasl.password": PASSWORD,
    }
    settings = clients.aiokafka(made)
    context = settings.pop("ssl_context")
    assert isinstance(context, ssl.SSLContext)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert context.get_ca_certs()
    assert settings == {
        "bootstrap_servers": ["one.example.com:9093", "two.example.com:9093"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "hedgehog",
        "sasl_plain_password": PASSWORD,
    }
    assert clients.java(made) == {
        "bootstrap.servers": BOOTSTRAP,
        "security.protocol": "SASL_SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certifi.where(),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": "${env:KAFKA_JAAS}",
    }
    assert clients.jaas(made) == {
        "KAFKA_JAAS": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="hedgehog" password="se\\"cr\\\\et";'
    }
    assert "plain.PlainLoginModule" in clients.jaas(whole(mechanism="PLAIN"))["KAFKA_JAAS"]


def test_tls_alone_needs_no_name_and_trusts_what_the_system_does() -> None:
    assert clients.librdkafka(config(security="ssl")) == {"bootstrap.servers": BOOTSTRAP, "security.protocol": "ssl"}
    settings = clients.aiokafka(config(security="ssl"))
    assert settings["security_protocol"] == "SSL"
    assert settings["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert clients.jaas(config(security="ssl")) == {}


def test_without_tls_the_name_is_told_all_the_same() -> None:
    made = config(security="sasl_plaintext", username="u", password="p")
    assert "ssl_context" not in clients.aiokafka(made)
    assert clients.librdkafka(made)["sasl.username"] == "u"


def test_the_password_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    made = whole(password="", password_file=str(path))
    with pytest.raises(BadConfiguration, match=r"^HEDGEHOG_KAFKA_PASSWORD_FILE=\S+: \S+: No such file"):
        clients.librdkafka(made)
    path.write_text("\n")
    with pytest.raises(BadConfiguration, match="the file is empty"):
        clients.aiokafka(made)
    path.write_text(f"{PASSWORD}\n")
    assert clients.librdkafka(made)["sasl.password"] == PASSWORD
    assert clients.aiokafka(made)["sasl_plain_password"] == PASSWORD


def test_the_password_is_shown_nowhere() -> None:
    made = whole()
    shown = [repr(made), str(made), str(worker_properties(made, []))]
    assert [text for text in shown if "cr\\" in text or PASSWORD in text] == []


def test_kafka_connect_is_told_for_each_of_its_clients() -> None:
    properties = worker_properties(whole(), [])
    for client in ("", "consumer.", "producer.", "admin."):
        assert properties[f"{client}security.protocol"] == "SASL_SSL"
        assert properties[f"{client}sasl.jaas.config"] == "${env:KAFKA_JAAS}"
    assert properties["config.providers.env.param.allowlist.pattern"] == "KAFKA_JAAS"


def test_nobody_says_elsewhere_where_the_brokers_are() -> None:
    """A client that did would come in plain text and without a name."""
    packages = ("infra", "schemas", "connectors", "producers", "streams")
    sources = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    telling = re.compile(r"bootstrap[._]servers[\"'=]*\s*[:=]")
    assert [str(path.relative_to(ROOT)) for path in sources if telling.search(path.read_text())] == ["infra/clients.py"]
