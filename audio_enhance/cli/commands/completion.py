"""`audio-enhance completion`: what a shell needs to complete commands and options."""

import click
from click.shell_completion import get_completion_class

_NAME = "audio-enhance"
_VARIABLE = "_AUDIO_ENHANCE_COMPLETE"  # as click calls it

# What of click's scripts is written in another way.
_REWRITTEN = {
    "bash": {},
    # The zsh of a Mac, for example, completes nothing by functions before it is told to.
    "zsh": {
        f"#compdef {_NAME}\n": f"#compdef {_NAME}\n"
        "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n"
    },
    # Descriptions have commas, as files have.
    "fish": {'string split ","': 'string split --max 1 ","'},
}

_EPILOG = """
\b
To use it:
  echo 'eval "$(audio-enhance completion bash)"' >> ~/.bashrc
  echo 'eval "$(audio-enhance completion zsh)"' >> ~/.zshrc
  echo 'audio-enhance completion fish | source' >> ~/.config/fish/config.fish
"""


@click.command(epilog=_EPILOG, short_help="Print a script for completion in your shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print a script that lets your shell complete commands, options and their values."""
    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    script = kind(context.find_root().command, {}, _NAME, _VARIABLE).source()
    for written, better in _REWRITTEN[shell].items():
        assert written in script
        script = script.replace(written, better)
    click.echo(script)
    return 0
