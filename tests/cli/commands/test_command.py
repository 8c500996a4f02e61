"""What `test_serve.py` does not see: signals that come before and after."""

import asyncio
import os
import signal
import sys

import pytest

from audio_enhance.cli.commands.command import run_command


@pytest.fixture(autouse=True)
def as_before() -> object:
    return signal.getsignal(signal.SIGTERM)


async def test_a_signal_that_comes_while_it_is_started_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, as_before: object
) -> None:
    start = asyncio.create_subprocess_exec

    async def started(*command: str, **options: object) -> asyncio.subprocess.Process:
        os.kill(os.getpid(), signal.SIGTERM)
        return await start(*command, **options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  as given

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    sleeping = (sys.executable, "-c", "import time; time.sleep(60)")
    assert await run_command(sleeping, os.environ) == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == as_before


async def test_it_does_not_outlive_its_owner() -> None:
    sleeping = (sys.executable, "-c", "import time; time.sleep(60)")
    running = asyncio.create_task(run_command(sleeping, os.environ))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("sh", "-c", "exit 7"), 7),
        (("sh", "-c", "kill -KILL $$"), 128 + 9),
        (("no-such-command",), 127),
        ((__file__,), 126),
    ],
)
async def test_its_status_is_the_commands(command: tuple[str, ...], status: int) -> None:
    assert await run_command(command, os.environ) == status
