"""The tests. `make test` and `make test-long` run them all; what needs the stack uses the fixture `stack`."""

from hypothesis import HealthCheck, settings

# The machine may be busy with a stack and two workers: how long an example takes says nothing there.
settings.register_profile("hedgehog", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("hedgehog")
