"""Moves the wall clock of the process that has this folder on its path, by `HEDGEHOG_TEST_CLOCK` seconds."""

import os
import time

_offset_s = int(os.environ["HEDGEHOG_TEST_CLOCK"])
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + _offset_s
time.time_ns = lambda: _time_ns() + _offset_s * 1_000_000_000
