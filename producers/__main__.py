"""`python -m producers`: stream the trades of every instrument whose streaming is on."""

import sys

from infra.config import load_config
from infra.ending import OF_THE_USER, ended
from producers.logs import log_to_stderr
from producers.service import run

if __name__ == "__main__":
    log_to_stderr()
    try:
        sys.exit(run(load_config()))
    except OF_THE_USER as error:
        sys.exit(ended(error))
