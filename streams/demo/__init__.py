"""`make demo`: the whole pipeline on one machine, on real parts, watched and checked. Its own stack, its own data."""
