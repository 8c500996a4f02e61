"""A local service that is killed again and again, and a client that does not notice."""

import asyncio
import json
import wave
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from audio_enhance import ClientCredentials, EnhanceClient, PollPolicy, RetryPolicy
from tests.cli.support import Command, Running
from tests.support.warm import Warm

SIGKILL = 9
KILLS = 8
RECORDINGS = 12


def recording(path: Path, number: int) -> Path:
    """Two seconds of noise, different from all others."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(Random(number).randbytes(64_000))
    return path


def frames(result: bytes) -> int:
    """How long a result is."""
    with wave.open(BytesIO(result)) as file:
        return int(file.getnframes())


async def start(command: Command) -> tuple[Running, dict[str, str]]:
    """Start the service in its folder."""
    options = ("--directory", "kept", "--engine", "afftdn", "--json")
    process = await command.start("serve", *options)
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())


@pytest.mark.slow
async def test_whenever_it_is_killed_everything_is_done_once(
    tmp_path: Path, warm: Warm | None
) -> None:
    command, random = Command(tmp_path, {}, warm), Random(7)
    sources = [recording(tmp_path / f"{number}.wav", number) for number in range(RECORDINGS)]
    process, environment = await start(command)
    credentials = ClientCredentials(
        environment["FIREFLY_SERVICES_CLIENT_ID"],
        environment["FIREFLY_SERVICES_CLIENT_SECRET"],
        token_url=environment["AUDIO_ENHANCE_TOKEN_URL"],
    )
    async with EnhanceClient(
        credentials,
        base_url=environment["AUDIO_ENHANCE_BASE_URL"],
        polling=PollPolicy(shortest=0.02, longest=0.2),
        retry=RetryPolicy(attempts=1000, longest_wait=0.2),
    ) as client:
        work = asyncio.create_task(
            client.enhance_batch(sources, strength=93, output_dir=tmp_path / "out")
        )
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.0, 0.8))
            process.send_signal(SIGKILL)
            await process.communicate()
            process, again = await start(command)
            assert again == environment
        report = await work
    process.send_signal(SIGKILL)
    await process.communicate()
    assert [outcome.error for outcome in report] == [None] * RECORDINGS
    results = [outcome.path.read_bytes() for outcome in report if outcome.path is not None]
    assert len(set(results)) == RECORDINGS
    assert {frames(result) for result in results} == {32_000}
