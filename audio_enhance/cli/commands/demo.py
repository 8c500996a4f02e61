"""`audio-enhance demo`: the main job on a bundled recording, without credentials."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table
from rich.text import Text

from audio_enhance import EnhanceClient, OutputExistsError
from audio_enhance.cli.display.outcome import near
from audio_enhance.cli.display.screen import error_console, output_console, print_table, say
from audio_enhance.cli.display.text import several, shown, size
from audio_enhance.cli.execution.service import extra_local, open_service
from audio_enhance.cli.input.options import PATH, engine_option
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.threads import to_its_end

if TYPE_CHECKING:
    from audio_enhance.local import LocalService
    from audio_enhance.local.enhancer import Figures

_STRENGTH = 93  # as in the guide's examples
# What is called better: this much less noise, with the speech kept this close, in dB.
_LESS_NOISE = 6.0
_SAME_SPEECH = 3.0


@click.command(short_help="Try it without credentials.")
@click.option(
    "-o",
    "--output-dir",
    type=PATH,
    default=Path("audio-enhance-demo"),
    show_default=True,
    metavar="DIR",
    help="The folder for the recording and the result.",
)
@engine_option
def demo(output_dir: Path, engine: str | None) -> int:
    """Clean a bundled noisy recording, step by step.

    This starts the local service, talks to it over real HTTP as it would to the real API, and
    measures the result. You need no credentials and no network.
    """

    async def demonstrated() -> int:
        with extra_local():
            from audio_enhance.local.enhancer import demo_recording, measure
        recording = output_dir / demo_recording().name
        await to_its_end(lambda: _copy(demo_recording(), recording))
        async with open_service(engine=engine) as service:
            result = await _five_steps(service, recording, output_dir)
        before, after = [await asyncio.to_thread(measure, path) for path in (recording, result)]
        return compare(recording, result, before, after)

    return run(demonstrated())


def _copy(recording: Path, target: Path) -> None:
    data = recording.read_bytes()
    if target.exists() and target.read_bytes() != data:
        raise OutputExistsError(f"There is already another file: {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


async def _five_steps(service: "LocalService", recording: Path, output_dir: Path) -> Path:
    """Take the recording through the guide's steps, and say so while it happens."""
    console = error_console()

    def say(step: str, text: str) -> None:
        grid = Table.grid(Column(width=15, style="bold cyan"), Column(ratio=1))
        grid.add_row(step, Text(shown(text)))
        print_table(console, grid)

    say("Service", f"the local one, on this machine: {service.base_url}")
    async with EnhanceClient(service.credentials, base_url=service.base_url) as client:
        asset = await client.create_asset(recording)
        say("0 Token", "exchanged the client id and secret for a token")
        say("1 Asset", f"registered {asset.filename}: {size(asset.byte_size or 0)} and its MD5")
        await client.upload(asset, recording)
        asset = await client.wait_until_ready(asset.id)
        say("2 Upload", f"sent it to a presigned URL, {service.s3_url}; {asset.status}")
        enhancement = await client.create_speech_enhancement(asset.id, strength=_STRENGTH)
        say("3 Enhancement", f"requested strength {_STRENGTH}; {enhancement.status}")
        began = time.monotonic()
        enhancement = await client.wait_until_finished(enhancement)
        polls = service.count("GET /speech_enhancements/:id")
        seconds = time.monotonic() - began
        say("4 Poll", f"{enhancement.status} after {seconds:.1f} s and {several(polls, 'poll')}")
        result = await client.download(enhancement, output_dir=output_dir, overwrite=True)
        say("5 Download", f"followed the redirect to {service.s3_url}; the server named the file")
    return result


def compare(recording: Path, result: Path, before: "Figures", after: "Figures") -> int:
    """Print what was measured, and return the exit status."""
    console = output_console()
    table = Table(box=None, pad_edge=False)
    for column in ("", "before", "after"):
        table.add_column(column, justify="right" if column else "left")
    for name, unit, old, new in (
        ("noise in the pauses", "dBFS", before.noise_floor, after.noise_floor),
        ("speech", "dBFS", before.speech_level, after.speech_level),
        ("speech above noise", "dB", before.speech_to_noise, after.speech_to_noise),
        ("loudness", "LUFS", before.loudness, after.loudness),
        ("true peak", "dBTP", before.true_peak, after.true_peak),
        ("duration", "s", before.duration, after.duration),
    ):
        table.add_row(name, f"{old:.1f} {unit}", f"{new:.1f} {unit}")
    less_noise = before.noise_floor - after.noise_floor
    speech = abs(after.speech_level - before.speech_level)
    better = less_noise >= _LESS_NOISE and speech <= _SAME_SPEECH
    console.print()
    print_table(console, table)
    console.print()
    if better:
        sentence = (
            f"The noise in the pauses fell by {less_noise:.1f} dB, and the speech kept its level "
            f"within {speech:.1f} dB."
        )
    else:
        sentence = (
            f"The result is not better: the noise in the pauses fell by {less_noise:.1f} dB, and "
            f"the speech changed its level by {speech:.1f} dB."
        )
    style = "bold green" if better else "bold red"
    say(console, sentence, style)
    console.print()
    console.print(f"before: {shown(near(recording.absolute()))}", soft_wrap=True)
    console.print(f"after:  {shown(near(result.absolute()))}", soft_wrap=True)
    return 0 if better else 1
