"""Where everything listens and keeps its files: the one place for ports, endpoints and folders.

Every field can be set by an environment variable `HEDGEHOG_<FIELD>` or by a line in `.env`.
"""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

import platformdirs
from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.brokers import kept_cluster
from infra.errors import BadConfiguration
from infra.passwords import OWNER, password_of
from infra.security import PLAINTEXT, unfit
from infra.urls import without_password

LOOPBACK = "127.0.0.1"
DATABASE = "hedgehog"
"""The warehouse, on the stack's own server."""

OF_THE_TESTS = ("TEST_KEEP",)
"""Variables that only the tests read."""

DECIMAL = r"^(\d{1,12}(\.\d{1,8})?)?$"
"""A plain decimal, or nothing."""
IDS = r"^(-?\d{1,18}(,-?\d{1,18})*)?$"
"""Whole numbers separated by commas."""
DATABASE_SCHEMES = ("postgresql://", "postgresql+psycopg2://")
"""One driver is installed; SQLAlchemy takes it where a URL names none."""
SECRET = (
    "database_url",
    "kafka_password",
    "dashboard_password",
    "telegram_token",
    "notify_webhook",
    "notify_apprise",
)
"""Variables whose values are shown nowhere."""
MOST_BROKERS = 9
BROKERS_APART = 2
"""The port of a broker's controller is between its own and that of the next one."""
MOST_COPIES = 3
"""A topic has no more unless told otherwise."""

Port = Annotated[int, Field(ge=1, le=65_535)]


class Config(BaseSettings):
    """The settings of one installation. A bad value raises `pydantic.ValidationError`, which names field and value."""

    model_config = SettingsConfigDict(
        env_prefix="HEDGEHOG_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    infra: Literal["auto", "compose", "native", "external"] = "auto"
    data_dir: Path = Path(".hedgehog")
    cache_dir: Path = Path(platformdirs.user_cache_dir("hedgehog"))

    brokers: Annotated[int, Field(ge=0, le=MOST_BROKERS)] = 0
    """Brokers of the stack's own; 0: as many as its data are of, one where there are none yet."""

    port_offset: Annotated[int, Field(ge=0, le=30_000)] = 0
    """Added to every port below, so that a second stack can run beside the first."""
    kafka_port: Port = 29092
    """Of the first broker; each further one has the next but one, for its controller too."""
    kafka_controller_port: Port = 29093
    registry_port: Port = 28081
    connect_port: Port = 28083
    postgres_port: Port = 25432
    worker_port: Port = 26066
    run_port: Port = 26060
    producer_port: Port = 26040
    """Of a second producer it is the next one that is free; of a notifier and a guard as well."""
    notifier_port: Port = 26050
    guard_port: Port = 26055
    local_exchange_port: Port = 29443
    dashboard_port: Port = 28090
    worker_host: str = LOOPBACK
    """The address on which a worker serves its web page, and every other process what tells of its health."""

    kafka_bootstrap: str = ""
    """Endpoints: derived from the ports unless given (`HEDGEHOG_INFRA=external` wants them given)."""
    kafka_security: Annotated[
        Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"], BeforeValidator(lambda name: str(name).lower())
    ] = "plaintext"
    """How every client speaks with the brokers that `kafka_bootstrap` names."""
    kafka_ca_file: str = ""
    """The certificates in PEM that a broker's has to be signed by; those that the system trusts, unless given."""
    kafka_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_username: Annotated[str, Field(validate_default=True)] = ""
    kafka_password: Annotated[str, Field(repr=False)] = ""
    """Or the file that holds it."""
    kafka_password_file: Annotated[str, Field(validate_default=True)] = ""
    registry_url: Annotated[str, Field(repr=False)] = ""
    connect_url: Annotated[str, Field(repr=False)] = ""
    database_url: Annotated[str, Field(repr=False)] = ""
    """A URL of the stack's own server needs no password: that is in the data folder."""
    connect_registry_url: Annotated[str, Field(repr=False)] = ""
    """The registry and the `host:port` of PostgreSQL as Kafka Connect sees them; as this process does, unless given."""
    connect_postgres: Annotated[str, Field(pattern=r"^([^:/@]+:\d+)?$")] = ""
    binance_stream_url: str = "wss://stream.binance.com:9443"
    binance_rest_url: str = "https://api.binance.com"
    coinbase_stream_url: str = "wss://ws-feed.exchange.coinbase.com"
    coinbase_rest_url: str = "https://api.exchange.coinbase.com"
    bitstamp_stream_url: str = "wss://ws.bitstamp.net"
    bitstamp_rest_url: str = "https://www.bitstamp.net"
    exchanges: str = ""
    """The exchanges that `hedgehog produce` streams from, by commas; all there are unless given."""

    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,200}$")] = ""
    """Put before every topic, consumer group and application id: a world of its own on a shared broker."""
    partitions: Annotated[int, Field(ge=1, le=1_000)] = 12
    replication: Annotated[int, Field(ge=0, le=32_767)] = 0
    """Copies of every topic, on as many brokers; 0: one on each broker of the stack, on three at most."""
    min_insync_replicas: Annotated[int, Field(ge=0, le=32_767)] = 0
    """How many of them a record has to be on before it is acknowledged; 0: all but one."""
    agents: str = ""
    """The agents that a worker runs, names separated by commas; all of them unless given."""
    watch_sinks: bool = True
    """Whether a worker restarts failed sinks."""
    mock_fee: Annotated[str, Field(pattern=r"^0(\.\d{1,8})?$")] = "0.001"
    """Commission of the mock exchange, as a fraction of the notional."""
    mock_partial_fills: bool = False
    """Whether the mock exchange fills no more than the quantity of each market trade."""

    total_notional_limit: Annotated[str, Field(pattern=DECIMAL)] = ""
    """Limits of all instruments together, money of each quote asset by itself; none unless given."""
    total_orders_limit: Annotated[int, Field(ge=0)] = 0
    total_minute_limit: Annotated[int, Field(ge=0)] = 0
    total_loss_limit: Annotated[str, Field(pattern=DECIMAL)] = ""
    guard_stale_s: Annotated[float, Field(ge=0)] = 900
    """`hedgehog guard` halts a traded instrument after so many seconds without a trade; 0: never."""
    guard_heartbeat_s: Annotated[float, Field(ge=0)] = 60
    """And all of them after so long without a worker that goes on."""

    dashboard_host: str = LOOPBACK
    """The address on which the dashboard is served; another than loopback needs a password."""
    dashboard_password: Annotated[str, Field(repr=False)] = ""
    """What the dashboard asks for; or the file that holds it."""
    dashboard_password_file: str = ""

    telegram_token: Annotated[str, Field(repr=False, pattern=r"^(\d+:[\w-]+)?$")] = ""
    """Of the bot that `hedgehog notify` speaks as; or the file that holds it."""
    telegram_token_file: str = ""
    telegram_chats: Annotated[str, Field(pattern=IDS)] = ""
    """The chats that are told and may command, by commas; those of groups are negative."""
    telegram_users: Annotated[str, Field(pattern=IDS)] = ""
    """The users whose commands are heard in these chats; the private chats' own users unless given."""
    telegram_url: str = "https://api.telegram.org"
    notify_webhook: Annotated[str, Field(repr=False)] = ""
    """A URL to which each alert is posted."""
    notify_apprise: Annotated[str, Field(repr=False)] = ""
    """Apprise's URLs, separated by blanks."""
    notify_quiet: Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")] = ""
    """From when to when alerts are only counted."""
    notify_zone: str = "UTC"
    """The time zone of the quiet hours, and in which tomorrow begins."""

    @field_validator("data_dir", "cache_dir")
    @classmethod
    def _expand_home(cls, folder: Path) -> Path:
        try:
            return folder.expanduser()
        except RuntimeError as error:  # `~` of nobody, or of a user without a home
            raise ValueError(str(error)) from None

    @field_validator("binance_stream_url", "coinbase_stream_url", "bitstamp_stream_url")
    @classmethod
    def _check_stream_url(cls, url: str) -> str:
        return _base_url(url, ("ws", "wss"))

    @field_validator("binance_rest_url", "coinbase_rest_url", "bitstamp_rest_url")
    @classmethod
    def _check_rest_url(cls, url: str) -> str:
        return _base_url(url, ("http", "https"))

    @field_validator("registry_url", "connect_url", "connect_registry_url", "notify_webhook", "telegram_url")
    @classmethod
    def _check_service_url(cls, url: str) -> str:
        if url:
            _parts(url, ("http", "https"))
        return url

    @field_validator("kafka_bootstrap")
    @classmethod
    def _check_bootstrap(cls, servers: str) -> str:
        for server in servers.split(",") if servers else ():
            _check_server(server.strip())
        return servers

    @field_validator("kafka_security", "kafka_ca_file", "kafka_username", "kafka_password", "kafka_password_file")
    @classmethod
    def _check_fits(cls, value: str, info: ValidationInfo) -> str:
        if why := unfit(str(info.field_name), value, info.data):
            raise ValueError(why)
        return value

    @field_validator("brokers")
    @classmethod
    def _check_majority(cls, number: int) -> int:
        if number and number % 2 == 0:
            raise ValueError("more than half of the brokers have to be there: take an odd number, such as 3")
        return number

    @field_validator("notify_zone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError):  # a name that cannot be one, a folder, one that is not known
            raise ValueError("no time zone such as Europe/Berlin") from None
        return name

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, url: str) -> str:
        if url and not (url.startswith(DATABASE_SCHEMES) and _names_a_host(url)):
            form = "postgresql+psycopg2://user:password@host:port/database"
            raise ValueError(f"not of the form {form}; a password's special characters are written as %XX")
        return url

    def port(self, name: str) -> int:
        """Return the port of `name` (`kafka`, `registry`, …) with the offset applied."""
        return int(getattr(self, f"{name}_port")) + self.port_offset

    def broker_port(self, number: int, name: str = "kafka") -> int:
        """Return the port of broker `number` of the stack, from 1 on, or of its controller (`kafka_controller`)."""
        return self.port(name) + BROKERS_APART * (number - 1)

    @cached_property
    def own_brokers(self) -> int:
        """How many brokers the stack has of its own; 0 where those of somebody else are used."""
        if self.infra == "external" or self.kafka_security != PLAINTEXT:
            return 0
        kept = kept_cluster(self.data_dir)
        number = kept.brokers if kept else self.brokers or 1
        servers = {server.strip() for server in self.kafka_bootstrap.split(",") if server}
        own = {f"{host}:{self.broker_port(n + 1)}" for host in (LOOPBACK, "localhost") for n in range(number)}
        return number if servers <= own else 0

    @cached_property
    def bootstrap(self) -> str:
        own = (f"{LOOPBACK}:{self.broker_port(number + 1)}" for number in range(self.own_brokers or 1))
        return self.kafka_bootstrap or ",".join(own)

    @property
    def kafka_copies(self) -> int:
        """Copies of what Kafka keeps for itself on the stack's own brokers: it has to outlive one of them."""
        return max(1, min(MOST_COPIES, self.own_brokers))

    @property
    def copies(self) -> int:
        """Copies of every topic."""
        return self.replication or self.kafka_copies

    @property
    def min_insync(self) -> int:
        """How many copies of a record there have to be before it is acknowledged: any one broker may be missing."""
        return self.min_insync_replicas or all_but_one(self.copies)

    @cached_property
    def registry(self) -> str:
        return (self.registry_url or f"http://{LOOPBACK}:{self.port('registry')}").rstrip("/")

    @cached_property
    def connect(self) -> str:
        return (self.connect_url or f"http://{LOOPBACK}:{self.port('connect')}").rstrip("/")

    @property
    def registry_shown(self) -> str:
        """The address of the registry, for whoever may not know its password."""
        return without_password(self.registry)

    @property
    def connect_shown(self) -> str:
        """The address of Kafka Connect, for whoever may not know its password."""
        return without_password(self.connect)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the warehouse. Read afresh each time: `make infra-up` makes the password in it."""
        password = password_of(self.data_dir, OWNER) if self.wants_own_password else None
        return self._typed_database if password is None else self._typed_database.replace("@", f":{password}@", 1)

    @property
    def wants_own_password(self) -> bool:
        """Whether the warehouse is on the stack's own server, whose password is in the data folder."""
        port = self.port("postgres")
        return urlsplit(self._typed_database).netloc in (f"{OWNER}@{LOOPBACK}:{port}", f"{OWNER}@localhost:{port}")

    @property
    def _typed_database(self) -> str:
        default = f"postgresql+psycopg2://{OWNER}@{LOOPBACK}:{self.port('postgres')}/{DATABASE}"
        return self.database_url or default


def all_but_one(copies: int) -> int:
    """Return how many of so many copies have to have a record where any one broker may be missing."""
    return max(1, copies - 1)


def _base_url(url: str, schemes: tuple[str, ...]) -> str:
    """Return the URL of an exchange without a slash at its end; raise `ValueError` that names the right form."""
    parts = _parts(url, schemes)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{_form(schemes)}: what follows the host is added by hedgehog itself")
    return url.rstrip("/")


def _parts(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """Return the parts of a URL with one of these schemes and a host; raise `ValueError` that names the right form."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError:
        raise ValueError(_form(schemes)) from None
    if parts.scheme not in schemes or not host or url != url.strip():
        raise ValueError(_form(schemes))
    return parts


def _form(schemes: tuple[str, ...]) -> str:
    return f"not of the form {schemes[-1]}://host or {schemes[-1]}://host:port"


def _check_server(server: str) -> None:
    """Raise `ValueError` unless this is the address of a broker."""
    try:
        parts = urlsplit(f"//{server}")
        whole = parts.hostname and parts.port and parts.netloc == server
    except ValueError:  # a port that is no number
        whole = None
    if not whole:
        raise ValueError(f"{server!r} is not of the form host:port; several are separated by commas")


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host_and_port = parts.hostname, parts.port  # a port that is no number raises
    except ValueError:
        return False
    # a password with a slash in it would end where the host begins
    return bool(host_and_port[0]) and ("@" in parts.netloc or "@" not in url)


def problems(error: ValidationError) -> Iterator[str]:
    """Yield what is wrong with each variable: its name, its value unless that holds a password, and the reason."""
    for problem in error.errors():
        name = "_".join(str(place) for place in problem["loc"])
        is_secret = name in SECRET or (name.endswith("_url") and "@" in str(problem["input"]))
        shown = "…" if is_secret else problem["input"]
        yield f"HEDGEHOG_{name.upper()}={shown}: {problem['msg']}"


def misspelt() -> list[str]:
    """Return, in words, each variable `HEDGEHOG_…` of the environment and `.env` that is none of ours."""
    known = [field.upper() for field in Config.model_fields]
    found = []
    for name in sorted({*os.environ, *dotenv_values(".env")}):
        prefix, _, field = name.upper().partition("_")
        if prefix == "HEDGEHOG" and field not in (*known, *OF_THE_TESTS):
            near = get_close_matches(field, known, 1)
            found.append(f"{name} is no variable of hedgehog" + (f"; HEDGEHOG_{near[0]} is" if near else ""))
    return found


def load_config() -> Config:
    """Return the configuration of this process, read afresh from the environment and `.env`.

    Raises `BadConfiguration` for an `.env` that is no text, `pydantic.ValidationError` for a bad value.
    """
    try:
        return Config()
    except UnicodeDecodeError as error:
        raise BadConfiguration(f".env: is not UTF-8: {error}") from None
