"""Options that more than one command has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

#: A file or folder.
PATH = click.Path(path_type=Path)

local_option = click.option(
    "--local",
    is_flag=True,
    help="Work without credentials: the local service does the enhancing, on this machine.",
)

workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --local: how many recordings are worked on at once. Default: one a core.",
)

engine_option = click.option(
    "--engine",
    type=click.Choice(["dfn3", "rnnoise", "afftdn"]),
    help="What the local service enhances with. Default: the best that works here.",
)

version_option = click.option(
    "--api-version",
    type=click.Choice(["v1", "v2"]),
    envvar="AUDIO_ENHANCE_API_VERSION",
    default="v1",
    show_default=True,
    help="The generation of the API.",
)


def telling_options(command: _Command) -> _Command:
    """Add the options that say how a batch is told of."""
    for option in reversed(
        (
            click.option(
                "--json", "as_json", is_flag=True, help="One JSON object a line on standard output."
            ),
            click.option(
                "--report",
                type=PATH,
                metavar="FILE",
                help="Write all outcomes to a JSON file; - is standard output.",
            ),
            click.option("-v", "--verbose", is_flag=True, help="Show what is logged."),
        )
    ):
        command = option(command)
    return command
