import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import Command
from tests.support.tools import needs

NAMES = "{stem}, {ext}, {strength} and {folder}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_a_shell_is_told_how_to_complete(alone: Command, shell: str) -> None:
    run = await alone("completion", shell)
    assert run.status == 0
    assert "_AUDIO_ENHANCE_COMPLETE" in run.out


async def test_what_the_script_calls_completes(alone: Command) -> None:
    run = await alone(
        _AUDIO_ENHANCE_COMPLETE="bash_complete",
        COMP_WORDS="audio-enhance enhance --dr",
        COMP_CWORD="2",
    )
    assert run.out.split() == ["plain,--dry-run"]


async def test_another_shell_is_wrong_usage(alone: Command) -> None:
    assert (await alone("completion", "tcsh")).status == 2


def in_shell(home: Path, *command: str) -> str:
    """Run a command in a shell that has nothing of its user's, and complains of nothing."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=home,
        env={"HOME": str(home), "PATH": path, "TERM": "xterm"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout


@needs("zsh")
def test_zsh_takes_the_script_where_nobody_has_started_its_completion(tmp_path: Path) -> None:
    script = 'eval "$(audio-enhance completion zsh)"; print $_comps[audio-enhance]'
    assert in_shell(tmp_path, "zsh", "-f", "-c", script) == "_audio_enhance_completion\n"


@needs("fish")
def test_fish_shows_descriptions_and_names_with_commas_whole(tmp_path: Path) -> None:
    (tmp_path / "first, second.wav").touch()
    source = "audio-enhance completion fish | source; complete -C $argv[1]"
    options = in_shell(tmp_path, "fish", "-c", source, "audio-enhance enhance --na")
    assert options.startswith(f"--name\tWhat results are called, with {NAMES}.")
    assert in_shell(tmp_path, "fish", "-c", source, "audio-enhance enhance first") == (
        "first, second.wav\n"
    )
