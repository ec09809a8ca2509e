"""The one error that stands for bad input."""


class Refused(ValueError):
    """An input that cannot be handled; the message names the field and the value.

    Raised only by checks that come before the first change of anything. So whoever catches it may pass over the input
    and go on, and every other exception is a fault of the program.
    """
