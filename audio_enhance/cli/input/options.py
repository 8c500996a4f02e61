"""Options that more than one command has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from audio_enhance import CONTENT_TYPES, RemotePath, path_of
from audio_enhance.cli.journals import JOURNAL_NAME

from .placing import USUAL_NAME, trouble_with

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _LocalPath(click.Path):
    """A path on this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and "://" in value:
            self.fail(f"{value} is a URL. Give a path on this machine.", param, ctx)
        return super().convert(value, param, ctx)


#: A file or folder.
PATH = _LocalPath(path_type=Path)


class _Place(_LocalPath):
    """A folder on this machine, or a place in a bucket."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and isinstance(place := path_of(value), RemotePath):
            return place
        return super().convert(value, param, ctx)


#: The folder for results where nothing else is said.
OUTPUT_DIR = Path("enhanced")

#: The journal that a command is about.
journal_argument = click.argument("journal", type=PATH, default=OUTPUT_DIR)

strength_option = click.option(
    "-s",
    "--strength",
    "strengths",
    multiple=True,
    type=click.IntRange(0, 100),
    default=(93,),
    metavar="N",
    help="0 keeps the original, 100 is fully enhanced. Repeat it for several results. Default: 93.",
)

output_dir_option = click.option(
    "-o",
    "--output-dir",
    type=PATH,
    default=OUTPUT_DIR,
    show_default=True,
    metavar="DIR",
    help="The folder for the results.",
)

output_place_option = click.option(
    "-o",
    "--output-dir",
    type=_Place(path_type=Path),
    default=OUTPUT_DIR,
    show_default=True,
    metavar="DIR",
    help="The folder for the results, or a place in a bucket: s3://bucket/clean.",
)

journal_option = click.option(
    "--journal",
    type=PATH,
    metavar="FILE",
    help=f"Keep the progress in this file, to resume. Default: {JOURNAL_NAME} in DIR.",
)

content_type_option = click.option(
    "--content-type",
    type=click.Choice(sorted(CONTENT_TYPES)),
    metavar="TYPE",
    help="Send this type, audio/mpeg for example, whatever the names of the files end in.",
)

delete_uploads_option = click.option(
    "--delete-uploads",
    is_flag=True,
    help="Delete uploads at the server once their results are saved (v2 only).",
)

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace files that are already where results belong."
)

redo_option = click.option(
    "--redo", is_flag=True, help="Make the results of earlier runs again, and replace them."
)

only_failed_option = click.option(
    "--only-failed", is_flag=True, help="Retry only what failed in earlier runs."
)

local_option = click.option(
    "--local",
    is_flag=True,
    help="Let the local service on this machine do the work. You need no credentials.",
)

workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --local: how many recordings to work on at once. Default: one for each core.",
)

cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Let the workers of the Dask cluster whose scheduler is at ADDRESS do the work of the "
    "local service, tcp://10.0.0.5:8786 for example.",
)

engine_option = click.option(
    "--engine",
    type=click.Choice(["dfn3", "rnnoise", "afftdn"]),
    help="What the local service uses to remove noise. Default: the best that works here.",
)

credentials_option = click.option(
    "--credentials",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Work for the API client whose credentials are in this file. Repeat it for several, which"
    " share the work.",
)

version_option = click.option(
    "--api-version",
    type=click.Choice(["v1", "v2"]),
    envvar="AUDIO_ENHANCE_API_VERSION",
    default="v1",
    show_default=True,
    help="The version of the API.",
)


include_option = click.option(
    "--include",
    multiple=True,
    metavar="PATTERN",
    help="Take only files that match, such as '*.wav'.",
)

exclude_option = click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Leave out files that match."
)


def selecting_options(command: _Command) -> _Command:
    """Add the options that say which of the recordings are meant."""
    for option in (
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help="Do only the first N that are not done yet.",
        ),
        click.option(
            "--files-from",
            metavar="FILE",
            help="Take names from a file too, one a line. - is stdin.",
        ),
        exclude_option,
        include_option,
    ):
        command = option(command)
    return command


mirror_option = click.option(
    "--mirror", is_flag=True, help="Keep the folders below each of FILES in the folder for results."
)


def _name(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and (trouble := trouble_with(value)):
        raise click.BadParameter(trouble)
    return value


name_option = click.option(
    "--name",
    metavar="TEMPLATE",
    callback=_name,
    help=f"What results are called, with {{stem}}, {{ext}}, {{strength}} and {{folder}}."
    f" Default: {USUAL_NAME}.",
)


def report_place(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> Path | None:
    """Return where a report goes."""
    # Absolute: a `Path` makes "-" of "./-", which is a file, and not standard output.
    return None if value is None else Path(value) if value == "-" else Path.cwd() / value


report_option = click.option(
    "--report",
    type=click.Path(),
    callback=report_place,
    metavar="FILE",
    help="Write a report: .html with pictures, .csv, or JSON. - is standard output.",
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line on standard output."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Show only what goes wrong.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show the log as well.")


def telling_options(command: _Command) -> _Command:
    """Add the options that say how a batch is reported."""
    for option in (verbose_option, quiet_option, report_option, json_option):
        command = option(command)
    return command
