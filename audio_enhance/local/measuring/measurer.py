"""Measuring for event loops: in processes, each with one recording at a time."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import audio_enhance
from audio_enhance.local.enhancer.errors import EnhancerError
from audio_enhance.local.enhancer.extra import check_installed
from audio_enhance.local.enhancer.worker import ONE_THREAD, OWN_GROUP, environment, kill

if TYPE_CHECKING:  # the processes that it starts import this, and need no client
    from audio_enhance import Source

_LONGEST_LINE = 1 << 16
_PIECE = 1 << 20
_PLAYED_EXACTLY = (b"RIFF", b"fLaC")


async def write_sound(source: "Source", target: Path) -> None:
    """Write what is sent of a recording, of a video its sound, to a file that can be measured.

    Raises:
        AudioEnhanceError: It cannot be read, or has no sound.
        OSError: The file cannot be written.
    """
    size = (await source.fingerprint()).byte_size
    with await asyncio.to_thread(target.open, "wb") as file:
        for start in range(0, size, _PIECE):
            await asyncio.to_thread(file.write, await source.read(start, _PIECE))


class Measurer:
    """Has recordings measured, one at a time unless told otherwise.

    Each has a process of its own. Used as an async context, it gives a process one after the other,
    since starting one takes as long as looking through half a minute.

    Args:
        at_once: How many processes there may be.

    Raises:
        MissingExtraError: The extra ``local`` is not installed.
    """

    def __init__(self, at_once: int = 1) -> None:
        check_installed()
        self._free = asyncio.Semaphore(at_once)
        self._free_to_copy = asyncio.Semaphore(at_once)  # somebody may be waiting to hear it
        self._kept: list[Process] | None = None

    async def __aenter__(self) -> Self:
        self._kept = []
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        kept, self._kept = self._kept or [], None
        await asyncio.gather(*map(_ended, kept))

    async def measure(
        self,
        path: Path,
        place: Path,
        *,
        original: Path | None = None,
        tell: Callable[[float], object] | None = None,
    ) -> dict[str, Any]:
        """Look through a recording; cancelling this ends the process.

        Args:
            path: The recording.
            place: As for `survey`.
            original: As for `survey`.
            tell: Told now and then how many seconds were looked at.

        Returns:
            The `Figures` by their names, `highest` and `lag` as of `Survey`, and the numbers of
            columns of `peaks` and `spectrum`.

        Raises:
            EnhancerError: It cannot be measured.
        """
        order = {"path": str(path), "place": str(place), "original": original and str(original)}
        async with self._free:
            answer = await self._asked(order, tell)
        if "error" in answer:
            raise EnhancerError(answer["error"])
        return answer

    async def copy(self, path: Path, target: Path) -> bool:
        """Write a copy that browsers play exactly, where one is needed; as `playable_copy`.

        Cancelling this ends the process, and leaves no copy.

        Args:
            path: The recording.
            target: The copy.

        Raises:
            EnhancerError: It cannot be read.
            OSError: The same, or there is no room.
        """
        if await asyncio.to_thread(_is_played_exactly, path):
            return False
        part = target.with_name(target.name + ".part")
        try:
            async with self._free_to_copy:
                answer = await self._asked({"path": str(path), "copy": str(part)}, None)
            if "error" in answer:
                raise EnhancerError(answer["error"])
            if answer["copied"]:
                await asyncio.to_thread(part.replace, target)
            return bool(answer["copied"])
        finally:
            part.unlink(missing_ok=True)

    async def _asked(
        self, order: dict[str, Any], tell: Callable[[float], object] | None
    ) -> dict[str, Any]:
        process = await self._process()
        answer: dict[str, Any] | None = None
        try:
            answer = await _answer(process, order, tell)
        finally:
            if answer is not None and self._kept is not None:
                self._kept.append(process)
            else:
                await _ended(process)
        return answer or {"error": "The process that measures has ended."}

    async def _process(self) -> Process:
        while self._kept:
            process = self._kept.pop()
            if process.returncode is None:
                return process
            await _ended(process)
        return await _started()


def _is_played_exactly(path: Path) -> bool:
    """Whether the first bytes say that no copy is needed, which saves a process."""
    with path.open("rb") as file:
        return file.read(4) in _PLAYED_EXACTLY


async def _started() -> Process:
    package = Path(audio_enhance.__file__).parents[1]
    modules = os.pathsep.join([*filter(None, sys.path), str(package)])
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "audio_enhance.local.measuring",
        stdin=PIPE,
        stdout=PIPE,
        limit=_LONGEST_LINE,
        env=ONE_THREAD | environment(os.environ) | {"PYTHONPATH": modules},
        **OWN_GROUP,
    )


async def _answer(
    process: Process, order: dict[str, Any], tell: Callable[[float], object] | None
) -> dict[str, Any] | None:
    """Return what a process says to an order; `None` if it ends without a word."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # its end shows below, too
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
    async for line in process.stdout:
        answer: dict[str, Any] = json.loads(line)
        if "seconds" not in answer:
            return answer
        if tell is not None:
            tell(answer["seconds"])
    return None


async def _ended(process: Process) -> None:
    """End a process, and wait for its end, however often we are cancelled."""
    kill(process)
    end = asyncio.ensure_future(process.communicate())
    cancelled = False
    while not end.done():
        try:
            await asyncio.wait([end])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
