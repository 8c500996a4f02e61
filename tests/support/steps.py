"""The steps of a client, taken one after the other."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from audio_enhance import Asset, Source, SpeechEnhancement
from audio_enhance._jobs.steps import Steps
from audio_enhance._transfer.part_file import PartialFile
from tests.conftest import World

revisions = pytest.mark.parametrize("revision", ["2024-04", "later"])


def steps_of(world: World) -> Steps:
    return world.client._connections.steps()


async def uploaded(world: World, recording: Path) -> Asset:
    source = Source.from_path(recording)
    steps = steps_of(world)
    asset = await steps.create_asset(source)
    await steps.upload(asset, source)
    return await steps.wait_until_ready(asset.id, source=source)


async def succeeded(world: World, recording: Path) -> SpeechEnhancement:
    asset = await uploaded(world, recording)
    steps = steps_of(world)
    return await steps.wait_until_finished(await steps.api.create_speech_enhancement(asset.id, 93))


def into(directory: Path, overwrite: bool = False) -> Callable[[str], Awaitable[tuple[Path, bool]]]:
    async def place(name: str) -> tuple[Path, bool]:
        return directory / name, overwrite

    return place


async def download(world: World, enhancement: SpeechEnhancement, directory: Path) -> Path:
    place = into(directory)
    return Path(await steps_of(world).download(enhancement, PartialFile(directory), place=place))
