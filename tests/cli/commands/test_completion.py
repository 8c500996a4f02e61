import pytest

from tests.cli.support import Command


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
