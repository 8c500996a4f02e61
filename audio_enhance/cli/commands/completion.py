"""`audio-enhance completion`: what a shell needs to complete commands and options."""

import click
from click.shell_completion import get_completion_class

_NAME = "audio-enhance"
_VARIABLE = "_AUDIO_ENHANCE_COMPLETE"  # as click calls it

_EPILOG = """
\b
To use it:
  echo 'eval "$(audio-enhance completion bash)"' >> ~/.bashrc
  echo 'eval "$(audio-enhance completion zsh)"' >> ~/.zshrc
  audio-enhance completion fish > ~/.config/fish/completions/audio-enhance.fish
"""


@click.command(epilog=_EPILOG, short_help="Print a script for completion in your shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print a script that lets your shell complete commands, options and their values."""
    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    click.echo(kind(context.find_root().command, {}, _NAME, _VARIABLE).source())
    return 0
