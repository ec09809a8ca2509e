"""How a command is declared: its options are the fields of a frozen dataclass, its work is imported when it is called.

So `--help` and the shell's completion import no more than options; the modules that work import what they need at
their top, and get the options as one value and where to write to as another.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from importlib import import_module
from inspect import Parameter, Signature
from operator import attrgetter
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from schemas import parameters
from streams.cli.output import Output

Json = Annotated[bool, typer.Option("--json", help="Data as JSON.")]


def load(target: str) -> Any:
    """Import what `target` names, as `package.module:name`."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def noun(target: str) -> type[TyperGroup]:
    """Return a group of commands that imports the Typer at `target` when one of its commands is looked for."""

    class Noun(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            self._fill()
            return super().list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            self._fill()
            return super().get_command(ctx, cmd_name)

        def _fill(self) -> None:
            if not self.commands:
                self.commands = get_group(load(target)).commands

    return Noun


Typed = Mapping[str, str | None]
"""What was typed for parameters of the strategy, by field; `None` for what was not."""


@dataclass(frozen=True)
class ParameterOptions:
    """An option for each of some parameters of the strategy, annotated to a field that is `Typed`.

    Option and help are those of `schemas.parameters`, unless `help_of` tells another.
    """

    fields: tuple[str, ...]
    metavar: str
    help_of: Callable[[parameters.Parameter], str] = attrgetter("help")

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of a command that takes these options."""
        for parameter in (parameters.BY_FIELD[field] for field in self.fields):
            shown = option(parameter.option, self.metavar, self.help_of(parameter))
            annotation = Annotated[str | None, shown]
            yield Parameter(parameter.field, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def command(app: typer.Typer, name: str, options: type[Any], work: str, *, data: bool = True) -> None:
    """Add a command to `app`.

    `options` is a frozen dataclass: its docstring is the help; each field is an option or an argument, and a field that
    is such a dataclass itself, a group that commands share, stands for all of its fields. `work` names the function
    (`package.module:name`) that is imported and called with the options and the output. A command that shows `data`
    takes `--json`.
    """

    def call(context: typer.Context, as_json: bool = False, **typed: Any) -> None:
        out: Output = context.obj
        out.json |= as_json  # in place: the root tells by it how to show an error
        load(work)(_filled(options, typed), out)

    shown = [Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=Json)] if data else []
    context = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    call.__signature__ = Signature([context, *_parameters(options), *shown])  # type: ignore[attr-defined]
    app.command(name, help=options.__doc__)(call)


def complete_symbol(incomplete: str) -> list[str]:
    """Return symbols for the shell's completion."""
    found: list[str] = load("streams.cli.completion:complete_symbol")(incomplete)
    return found


def option(name: str, metavar: str, text: str) -> Any:
    """Return an option with a value of its own kind, whose default goes without saying."""
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


def symbol_option(text: str) -> Any:
    """Return the option `--symbol`, which the shell completes."""
    return typer.Option("--symbol", metavar="SYMBOL", autocompletion=complete_symbol, help=text)


def _parameters(options: type[Any]) -> Iterator[Parameter]:
    for field in fields(options):
        if is_dataclass(field.type):
            yield from _parameters(field.type)  # type: ignore[arg-type]
        elif (strategy := _strategy_options(field.type)) is not None:
            yield from strategy.parameters()
        else:
            default = Parameter.empty if field.default is MISSING else field.default
            yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=field.type)


def _filled(options: type[Any], typed: dict[str, Any]) -> Any:
    """Return the dataclass with the values that were typed, its groups among them."""
    return options(**{field.name: _value(field, typed) for field in fields(options)})


def _value(field: Field[Any], typed: dict[str, Any]) -> Any:
    if is_dataclass(field.type):
        return _filled(field.type, typed)  # type: ignore[arg-type]
    strategy = _strategy_options(field.type)
    return typed[field.name] if strategy is None else {name: typed[name] for name in strategy.fields}


def _strategy_options(annotation: Any) -> ParameterOptions | None:
    found = (each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, ParameterOptions))
    return next(found, None)
