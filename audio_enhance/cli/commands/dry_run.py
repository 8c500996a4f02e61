"""`--dry-run`: what a run would do, told without sending anything."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import click
from rich.text import Text

from audio_enhance import (
    VIDEO_SUFFIXES,
    AudioEnhanceError,
    Earlier,
    Journal,
    JournalEntry,
    MissingExtraError,
    RemotePath,
    Source,
    earlier_result,
    path_of,
)
from audio_enhance.cli.display.outcome import near
from audio_enhance.cli.display.screen import error_console, output_console, say
from audio_enhance.cli.display.text import about, duration, several, shown, size
from audio_enhance.cli.execution.work import Work
from audio_enhance.cli.input.lengths import can_tell, length_of
from audio_enhance.cli.input.recordings import as_written
from audio_enhance.cli.input.settings import Settings
from audio_enhance.cli.pacing.forecast import Action, Forecast, Foreseen, foresee, is_uploaded
from audio_enhance.cli.space import free_in

_Key = tuple[str, int]
_VERBS = {
    Action.ENHANCE: ("enhance", "green"),
    Action.FETCH: ("fetch  ", "cyan"),
    Action.SKIP: ("skip   ", "dim"),
    Action.REFUSE: ("refuse ", "red"),
}


@attrs.frozen(kw_only=True)
class DryRun:
    """A run that is foretold.

    Attributes:
        work: What is to be enhanced.
        settings: How.
        journal: The journal, if there is to be one.
        redo: Whether results are made again.
    """

    work: Work
    settings: Settings
    journal: Path | None
    redo: bool = False

    async def tell(self, *, as_json: bool, quiet: bool) -> bool:
        """Print a line for each result on standard output, and the sum on standard error.

        Args:
            as_json: Whether the lines are JSON.
            quiet: Whether there is no sum, and for people a line only for what would fail.

        Returns:
            Whether nothing is known that would make a result fail.
        """
        forecast = Forecast()
        told = None if as_json else output_console()
        async for job in self._foreseen():
            forecast.add(job)
            if told is None:
                click.echo(json.dumps(_fields(job)))
            elif not quiet or job.action is Action.REFUSE:
                say(told, _line(job))
        sys.stdout.flush()
        if quiet:
            return not forecast.actions[Action.REFUSE]
        free = await asyncio.to_thread(free_in, self.settings.output_dir)
        console = error_console()
        for text in sentences(forecast, local=self.settings.server.local, free=free):
            say(console, text)
        return not forecast.actions[Action.REFUSE]

    async def _foreseen(self) -> AsyncIterator[Foreseen]:
        known = await _entries(self.journal)
        for strengths, names in self.work.sources.items():
            for name in names:
                entries = [known.get((as_written(name), strength)) for strength in strengths]
                source, trouble = await asyncio.to_thread(self._source, name, entries)
                length = None if trouble else await asyncio.to_thread(length_of, name)
                for strength, entry in zip(strengths, entries, strict=True):
                    earlier = Earlier.NONE
                    if entry is not None and source is not None:
                        earlier = await earlier_result(entry, source)
                    action, why = foresee(entry, earlier, trouble, redo=self.redo)
                    yield Foreseen(
                        source=name,
                        strength=strength,
                        action=action,
                        why=why,
                        byte_size=self.work.sizes[name],
                        seconds=None if length is None else length.seconds,
                        is_estimate=length is not None and length.is_estimate,
                        content_type=None if source is None else source.content_type,
                        uploaded=is_uploaded(entry),
                    )

    def _source(self, name: str, entries: list[JournalEntry | None]) -> tuple[Source | None, str]:
        """Return the source, or why it cannot be sent; blocks."""
        try:
            if isinstance(path_of(name), RemotePath):
                return self._elsewhere(name)
            if why := _trouble(Path(name)):
                uploaded = any(entry is not None and entry.asset_id for entry in entries)
                # One that is gone is finished from its upload at the server.
                return None, "" if uploaded else why
            if self.settings.content_type is None and Path(name).suffix.lower() in VIDEO_SUFFIXES:
                return Source.from_video(name), ""
            return Source.from_path(name, content_type=self.settings.content_type), ""
        except AudioEnhanceError as error:
            return None, error.message

    def _elsewhere(self, name: str) -> tuple[Source | None, str]:
        if not self.work.sizes[name]:
            return None, "There is no such file, or it is empty."
        kind = self.settings.content_type
        if kind is None and path_of(name).suffix.lower() in VIDEO_SUFFIXES:
            return Source.from_video(name), ""
        return Source.from_url(name, content_type=kind), ""


def _trouble(path: Path) -> str:
    """Return why a file is no recording that could be sent, if that shows already; blocks."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return "There is no such file."
    except (OSError, ValueError) as error:
        return f"It cannot be looked at: {getattr(error, 'strerror', None) or error}."
    if not stat.S_ISREG(status.st_mode):
        return "It is not a file."
    if not status.st_size:
        return "The file is empty."
    return "" if os.access(path, os.R_OK) else "It cannot be read: Permission denied."


async def _entries(journal: Path | None) -> dict[_Key, JournalEntry]:
    if journal is None or not await asyncio.to_thread(journal.exists):
        return {}
    async with await Journal.read(journal) as reader:
        return {(entry.source, entry.strength): entry async for entry in reader.entries()}


def _fields(job: Foreseen) -> dict[str, object]:
    return {
        "source": job.source,
        "strength": job.strength,
        "action": job.action.value,
        "why": job.why or None,
        "bytes": job.byte_size,
        "seconds": None if job.seconds is None else round(job.seconds, 3),
        "seconds_estimated": job.is_estimate,
        "content_type": job.content_type,
    }


def _line(job: Foreseen) -> Text:
    verb, style = _VERBS[job.action]
    facts = [f"at {job.strength}", size(job.byte_size)]
    if job.seconds is not None:
        facts.append(about(duration(job.seconds), is_estimate=job.is_estimate))
    if job.content_type is not None:
        facts.append(job.content_type)
    if job.why:
        facts.append(shown(job.why))
    return Text.assemble((verb, style), f"  {shown(near(job.source))} ", ", ".join(facts))


def sentences(forecast: Forecast, *, local: bool, free: int | None) -> list[str]:
    """Return what a run would cost, in sentences.

    Args:
        forecast: The sum of what it would do.
        local: Whether the local service would do the work, which costs nothing.
        free: How many bytes are free for results, where that is known.
    """
    actions = forecast.actions
    parts = [
        f"{actions[Action.ENHANCE]:,} to make",
        *([f"{actions[Action.FETCH]:,} to fetch"] if actions[Action.FETCH] else []),
        *([f"{actions[Action.SKIP]:,} skipped"] if actions[Action.SKIP] else []),
        *([f"{actions[Action.REFUSE]:,} that would fail"] if actions[Action.REFUSE] else []),
    ]
    told = [f"Nothing was sent. {several(actions.total(), 'result')}: {', '.join(parts)}."]
    if not actions[Action.ENHANCE] and not actions[Action.FETCH]:
        return told
    if forecast.audio_seconds:
        length = duration(forecast.audio_seconds)
        told.append(f"Audio: {about(length, is_estimate=forecast.estimated > 0)}.")
    if forecast.untold:
        hint = "" if can_tell() else f" To see lengths: {MissingExtraError('video', 'av').command}"
        told.append(f"{several(forecast.untold, 'result')} of unknown length.{hint}")
    if not local:
        told.append(_price(forecast))
    room = f"Space: about {size(forecast.space)}"
    if free is not None:
        room += (
            f", of {size(free)} free"
            if free >= forecast.space
            else (f", but only {size(free)} are free")
        )
    told.append(f"{room}.")
    return told


def _price(forecast: Forecast) -> str:
    price = f"Cost: at most {several(forecast.creations, 'creation')} (uploads and enhancements)"
    if forecast.actions[Action.FETCH]:
        price += ", and more if the server no longer has what is to fetch"
    least = forecast.least_seconds
    if not least:
        return f"{price}."
    return f"{price}. The API's limit of 100 a minute makes that {duration(least)} at least."
