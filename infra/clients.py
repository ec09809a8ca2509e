"""How every client reaches the brokers: the configuration as librdkafka, aiokafka and Java's clients want it.

The password is in what these functions return, and nowhere else: no log, no file, no configuration of Kafka Connect.
"""

import ssl
from pathlib import Path
from typing import Any

from infra.config import Config
from infra.errors import BadConfiguration, said
from infra.passwords import typed_secret
from infra.security import PLAINTEXT

JAAS = "KAFKA_JAAS"
"""The variable in which Kafka Connect finds who it is."""


def librdkafka(config: Config, at: str = "") -> dict[str, str | int | float | bool]:
    """Return the settings of a client of confluent-kafka, of any broker or of the one at `host:port`.

    Raises `BadConfiguration` for a password that is not there.
    """
    settings: dict[str, str | int | float | bool] = {"bootstrap.servers": at or config.bootstrap}
    if config.kafka_security != PLAINTEXT:
        settings["security.protocol"] = config.kafka_security
    if config.kafka_ca_file:
        settings["ssl.ca.location"] = _ca_file(config)
    if _has_sasl(config):
        settings["sasl.mechanism"] = config.kafka_mechanism
        settings["sasl.username"] = config.kafka_username
        settings["sasl.password"] = _password(config)
    return settings


def aiokafka(config: Config) -> dict[str, Any]:
    """Return the settings of a client of aiokafka; `BadConfiguration` for a password that is not there."""
    settings: dict[str, Any] = {"bootstrap_servers": [server.strip() for server in config.bootstrap.split(",")]}
    if config.kafka_security != PLAINTEXT:
        settings["security_protocol"] = config.kafka_security.upper()
    if config.kafka_security.endswith("ssl"):
        settings["ssl_context"] = ssl.create_default_context(cafile=_ca_file(config) or None)
    if _has_sasl(config):
        settings["sasl_mechanism"] = config.kafka_mechanism
        settings["sasl_plain_username"] = config.kafka_username
        settings["sasl_plain_password"] = _password(config)
    return settings


def java(config: Config) -> dict[str, str]:
    """Return the properties of a Java client, which finds its password in the variable `JAAS`, see `jaas`.

    They are read with the provider of configurations `env`.
    """
    settings = {"bootstrap.servers": config.bootstrap}
    if config.kafka_security != PLAINTEXT:
        settings["security.protocol"] = config.kafka_security.upper()
    if config.kafka_ca_file:
        settings |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": _ca_file(config)}
    if _has_sasl(config):
        settings |= {"sasl.mechanism": config.kafka_mechanism, "sasl.jaas.config": f"${{env:{JAAS}}}"}
    return settings


def jaas(config: Config) -> dict[str, str]:
    """Return the variable that tells a Java client who it is; none without SASL."""
    if not _has_sasl(config):
        return {}
    kind = "plain.Plain" if config.kafka_mechanism == "PLAIN" else "scram.Scram"
    name, password = _quoted(config.kafka_username), _quoted(_password(config))
    module = f"org.apache.kafka.common.security.{kind}LoginModule"
    return {JAAS: f"{module} required username={name} password={password};"}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _has_sasl(config: Config) -> bool:
    return config.kafka_security.startswith("sasl")


def _ca_file(config: Config) -> str:
    """Return the absolute path of the file, or nothing: a server runs in a folder of its own."""
    return str(Path(config.kafka_ca_file).expanduser().absolute()) if config.kafka_ca_file else ""


def _password(config: Config) -> str:
    if config.kafka_password:
        return config.kafka_password
    where = f"HEDGEHOG_KAFKA_PASSWORD_FILE={config.kafka_password_file}"
    try:
        password = typed_secret(config.kafka_password_file)
    except (OSError, ValueError, RuntimeError) as error:  # no such file, no text, the home of nobody
        raise BadConfiguration(f"{where}: {said(error) if isinstance(error, OSError) else error}") from None
    if not password:
        raise BadConfiguration(f"{where}: the file is empty")
    return password
