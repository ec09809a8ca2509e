"""The schema registry: Apicurio, its artifacts kept in Postgres."""

from collections.abc import Callable
from functools import partial

from infra import probes
from infra.config import LOOPBACK, Config
from infra.native.jars import Layout
from infra.native.java import JAVA_ENVIRONMENT, java_command
from infra.native.part import Part
from infra.native.process import Command
from infra.passwords import OWNER, password_of
from infra.roles import REGISTRY_DATABASE

HEAP_MB = 384


def registry_part(config: Config, layout: Callable[[], Layout]) -> Part:
    """The registry of the native backend."""
    return Part(
        name="registry",
        endpoint=config.registry,
        ports={"registry_port": config.port("registry")},
        needs=("postgres",),
        command=partial(_command, config, layout),
        probe=partial(probes.registry, config.registry),
    )


def _command(config: Config, layout: Callable[[], Layout]) -> Command:
    home = layout().registry_home
    # started once, asked seldom: the quick compiler and the small collector
    flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    argv = java_command(["-jar", str(home / "quarkus-run.jar")], HEAP_MB, flags)
    environment = {
        **JAVA_ENVIRONMENT,
        "QUARKUS_HTTP_HOST": LOOPBACK,
        "QUARKUS_HTTP_PORT": str(config.port("registry")),
        "QUARKUS_LOG_CONSOLE_COLOR": "false",
        # the management interface is built in and would take a fixed port on all addresses
        "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
        "QUARKUS_MANAGEMENT_PORT": "0",
        "APICURIO_STORAGE_KIND": "sql",
        "APICURIO_STORAGE_SQL_KIND": "postgresql",
        "APICURIO_DATASOURCE_URL": f"jdbc:postgresql://{LOOPBACK}:{config.port('postgres')}/{REGISTRY_DATABASE}",
        "APICURIO_DATASOURCE_USERNAME": OWNER,
        "APICURIO_DATASOURCE_PASSWORD": password_of(config.data_dir, OWNER) or "",
    }
    return Command(argv, home, environment)
