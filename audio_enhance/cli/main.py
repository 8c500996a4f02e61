"""The command `audio-enhance`: its parts, and what becomes of errors."""

import shlex
import sys
from pathlib import Path

import click
from rich.text import Text

from audio_enhance import (
    AudioEnhanceError,
    InvalidInputError,
    JournalError,
    MissingExtraError,
    __version__,
    recording_suffixes,
)

from .commands.completion import completion
from .commands.demo import demo
from .commands.doctor import doctor
from .commands.enhance import enhance
from .commands.forget import forget
from .commands.report import report
from .commands.resume import resume
from .commands.serve import serve
from .commands.status import status
from .commands.watch import watch
from .commands.web import web
from .display.help_text import HelpContext
from .display.log import quieten
from .display.outcome import advice
from .display.screen import error_console, say
from .display.text import shown

_EPILOG = """
\b
To start:
  audio-enhance demo                     try it without credentials
  audio-enhance web                      use a page in your browser
  audio-enhance enhance talk.mp3         enhance a recording
  audio-enhance enhance recordings/      … or a folder of ten thousand
  audio-enhance watch incoming           … or whatever is put into a folder
  audio-enhance status enhanced          show how far that is
  audio-enhance resume enhanced          finish it after an interruption
  audio-enhance report enhanced          make a page of it, with pictures
  audio-enhance doctor                   find out what is wrong

Add --help to any command for its options.
"""

# Whatever this holds was wrong before any work began.
_USAGE = (InvalidInputError, MissingExtraError, JournalError)


class _Commands(click.Group):
    """Commands that know a recording from a command that was misspelled."""

    context_class = HelpContext

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and _is_recording(name):
            raise click.UsageError(
                f"{shown(name)} is not a command. To enhance it: "
                f"audio-enhance enhance {shown(shlex.quote(name))}",
                ctx,
            )
        return super().resolve_command(ctx, args)


def _is_recording(name: str) -> bool:
    return Path(name).suffix.lower() in recording_suffixes() or Path(name).exists()


@click.group(
    cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, "-V", "--version", prog_name="audio-enhance")
def cli() -> None:
    """Remove noise and echo from recordings of speech, with the Enhance Speech API.

    Put the credentials of your project into the environment, as FIREFLY_SERVICES_CLIENT_ID
    and FIREFLY_SERVICES_CLIENT_SECRET. Without credentials, use demo, web or --local:
    they do the work on this machine.
    """


_COMMANDS = (
    *(enhance, watch, status, resume, forget, report),
    *(web, serve, demo, doctor, completion),
)

for command in _COMMANDS:
    cli.add_command(command)
    command.context_class = HelpContext
    for option in command.params:
        if isinstance(option, click.Option) and option.envvar is None:
            # By the option's own name: AUDIO_ENHANCE_ENHANCE_OUTPUT_DIR, for example.
            longest = max(option.opts, key=len).lstrip("-")
            variable = f"AUDIO_ENHANCE_{command.name}_{longest}"
            option.envvar = variable.replace("-", "_").upper()


def run() -> int:
    """Run what the arguments say, and return the exit status."""
    quieten()
    try:
        status: int = cli.main(prog_name="audio-enhance", standalone_mode=False) or 0
        sys.stdout.flush()  # here, where it can be said that this fails
    except click.UsageError as error:
        _show_usage(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except AudioEnhanceError as error:
        _show(error)
        return 2 if isinstance(error, _USAGE) else 1
    return status


def _show(error: AudioEnhanceError) -> None:
    console = error_console()
    source = f"{error.source}: " if error.source else ""
    say(console, Text.assemble(("Error: ", "bold red"), shown(source + error.message)))
    if hint := advice(error):
        say(console, shown(hint))


def _show_usage(error: click.UsageError) -> None:
    """Show what is wrong with the arguments; `click` would let a terminal cut words in two."""
    console = error_console()
    if error.ctx is not None:
        say(console, error.ctx.get_usage())
        say(console, f"Try '{error.ctx.command_path} --help' for help.\n")
    say(console, Text.assemble(("Error: ", "bold red"), shown(error.format_message())))
