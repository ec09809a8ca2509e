"""What can go wrong with a command: one line for its user, and the exit code."""

OK = 0
PROBLEM = 1
USAGE = 2
UNREACHABLE = 3
NOT_WRITTEN = 4
INTERRUPTED = 130

EXIT_CODES = """Exit codes:

0    done
1    the command found a problem (audit, explain, status, doctor, produce)
2    wrong usage, value or symbol
3    a service cannot be reached or is not set up
4    the broker did not take everything
130  interrupted"""


class CliError(Exception):
    """Ends the command: what is wrong, what to type, and the exit code."""

    def __init__(self, message: str, *, hint: str | None = None, code: int = PROBLEM) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class BadValue(CliError):
    """A value, symbol or combination of options that cannot be; the message names field and value."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, code=USAGE)
