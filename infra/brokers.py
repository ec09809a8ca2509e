"""The brokers of a data folder: how many there are, and the id of their cluster. Both stay as long as the data do.

A cluster is made with a number of brokers, each with data of its own; starting another number over the same data would
leave some of it out.
"""

import json
from pathlib import Path
from typing import NamedTuple

from infra.errors import BadConfiguration

FOLDER = "kafka"
"""The folder of all brokers in the data folder."""
FILE = "cluster.json"


class Cluster(NamedTuple):
    """What a data folder was started with. The id is empty where one broker of a version before keeps it itself."""

    brokers: int
    cluster_id: str


def kept_cluster(data_dir: Path) -> Cluster | None:
    """Return the cluster of a data folder, `None` for a folder without one.

    Raises `BadConfiguration` that names a file which cannot be read.
    """
    folder = data_dir.resolve() / FOLDER
    try:
        found = json.loads((folder / FILE).read_text())
        return Cluster(int(found["brokers"]), str(found["cluster_id"]))
    except (FileNotFoundError, NotADirectoryError):
        return Cluster(1, "") if (folder / "data" / "meta.properties").exists() else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadConfiguration(f"{folder / FILE}: does not say how many brokers there are: {error}") from None


def keep_cluster(data_dir: Path, cluster: Cluster) -> None:
    """Write down the cluster of a data folder: whole or not at all."""
    path = data_dir.resolve() / FOLDER / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(cluster._asdict()))
    fresh.replace(path)
