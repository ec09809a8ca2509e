"""The options of a command that stand for the parameters of the strategy, made from `schemas.parameters`."""

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from schemas.parameters import BY_FIELD, Parameter

F = TypeVar("F", bound=Callable[..., None])


def parameter_option(parameter: Parameter, metavar: str, text: str = "") -> Any:
    """The option of one parameter, a text that may be left out; `text` in place of the parameter's own help."""
    return Annotated[
        str | None, typer.Option(parameter.option, metavar=metavar, help=text or parameter.help, show_default=False)
    ]


def with_parameters(fields: Sequence[str], metavar: str, text: str = "") -> Callable[[F], F]:
    """Give a command an option for each of these fields of `Settings`, in place of its `**typed`.

    There, the command finds the texts by field, `None` for what was not given.
    """

    def decorate(command: F) -> F:
        signature = inspect.signature(command)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        made = [
            inspect.Parameter(
                field,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=parameter_option(BY_FIELD[field], metavar, text),
            )
            for field in fields
        ]
        command.__signature__ = signature.replace(parameters=[*own, *made])  # type: ignore[attr-defined]
        command.__annotations__ = {**command.__annotations__, **{each.name: each.annotation for each in made}}
        return command

    return decorate
