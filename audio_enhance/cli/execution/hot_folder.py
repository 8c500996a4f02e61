"""A folder whose recordings are to be enhanced as they come, each once it has stopped growing."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import attrs

from audio_enhance import AudioEnhanceError, ConfigurationError, MissingExtraError
from audio_enhance.cli.input.recordings import find_recordings
from audio_enhance.cli.input.selection import Filter

# What programs add to the name of a file that they have not finished.
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".filepart", ".aria2", ".tmp")
# Notifications can get lost, on a system that is short of memory for example.
_ANYWAY_SECONDS = 60.0
# For what the network or the server kept away.
_AGAIN_SECONDS = 60.0
_STEP_MILLISECONDS = 100

_Version = tuple[int, int]  # a file's length in bytes, and when it was written


@attrs.frozen
class _Seen:
    version: _Version
    since: float


class HotFolder:
    """Gives out the recordings in a folder and below it, as long as anybody asks.

    A recording that changes is given out again, once whatever is done with it has ended.

    Args:
        folder: The folder.
        output_dir: The folder for results, which is not searched.
        wanted: Which recordings are meant.
        settle: For how many seconds a recording must not have changed.
        poll: Look every so many seconds instead of being notified.
        expect: Called with a recording and its size in bytes when it has stopped growing.
        withdraw: Called with one that was expected and will come later: it grows again.
    """

    def __init__(
        self,
        folder: Path,
        output_dir: Path,
        wanted: Filter,
        *,
        settle: float,
        poll: bool,
        expect: Callable[[str, int], None],
        withdraw: Callable[[str], None],
    ) -> None:
        self._folder, self._output_dir, self._wanted = folder, output_dir, wanted
        self._settle, self._poll = settle, poll
        self._expect, self._withdraw = expect, withdraw
        self._growing = dict[str, _Seen]()
        self._given = dict[str, _Version]()
        self._busy = set[str]()
        self._changed = set[str]()  # of those that are busy
        self._ready: asyncio.Queue[str | Exception] = asyncio.Queue()
        self._news = asyncio.Event()

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[AsyncGenerator[str]]:
        """Watch it, and give an iterator of what is ready.

        The iterator raises `ConfigurationError` where nobody can be notified of changes.
        """
        stopping = asyncio.Event()
        folder, results = await asyncio.to_thread(_real, self._folder, self._output_dir)
        # First who listens: what changes while it is looked at for the first time is not missed.
        work = [] if self._poll else [self._listen(folder, results, stopping)]
        *listening, looking = [
            asyncio.create_task(self._told(each)) for each in (*work, self._look_again_and_again())
        ]
        try:
            yield self._ready_ones()
        finally:
            stopping.set()  # who listens does so in a thread, which looks at this
            looking.cancel()
            await asyncio.wait([*listening, looking])

    def done(self, name: str) -> None:
        """Take in that nobody works any more on a recording that was given out."""
        self._busy.discard(name)
        if name in self._changed:
            self._changed.discard(name)
            self._news.set()

    def again(self, name: str) -> None:
        """Give a recording out once more, in a minute: the network or the server kept it away."""
        later = asyncio.get_running_loop().time() + _AGAIN_SECONDS - self._settle
        self._growing[name] = _Seen(self._given.pop(name), later)
        self.done(name)
        self._news.set()  # to know until when to wait

    async def _told(self, work: Coroutine[None, None, None]) -> None:
        """Do some work, and hand its error to whoever asks for recordings."""
        try:
            await work
        except Exception as error:  # noqa: BLE001  who asks raises it
            self._ready.put_nowait(error)

    async def _ready_ones(self) -> AsyncGenerator[str]:
        while True:
            name = await self._ready.get()
            if isinstance(name, Exception):
                raise name
            # It may have waited for hours.
            if await asyncio.to_thread(_version_of, name) == self._given[name]:
                yield name
            else:
                del self._given[name]
                self._withdraw(name)
                self.done(name)
                self._news.set()

    async def _look_again_and_again(self) -> None:
        while True:
            self._news.clear()
            self._sort(await asyncio.to_thread(self._found))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._news.wait()

    def _pause(self) -> float:
        """Return after how many seconds to look again if there is no news."""
        now = asyncio.get_running_loop().time()
        due = [seen.since + self._settle - now for seen in self._growing.values()]
        return max(0.0, min([self._settle if self._poll else _ANYWAY_SECONDS, *due]))

    def _found(self) -> Mapping[str, _Version] | None:
        """Return what is there, `None` while the folder cannot be searched; blocks."""
        if not self._folder.is_dir():  # of a network drive that is away, for example
            return None
        found = find_recordings([str(self._folder)], self._output_dir, self._wanted)
        if found.unreadable:
            return None
        names = (name for name in found.sizes if not _is_unfinished(name))
        return {name: version for name in names if (version := _version_of(name)) is not None}

    def _sort(self, found: Mapping[str, _Version] | None) -> None:
        if found is None:
            return
        for gone in [name for known in (self._growing, self._given) for name in known]:
            if gone not in found and gone not in self._busy:
                self._growing.pop(gone, None)
                self._given.pop(gone, None)
        now = asyncio.get_running_loop().time()
        for name, version in found.items():
            if self._given.get(name) == version:
                continue
            if name in self._busy:
                self._changed.add(name)
                continue
            seen = self._growing.get(name)
            if seen is None or seen.version != version:
                self._growing[name] = _Seen(version, now)
            elif now - seen.since >= self._settle:
                del self._growing[name]
                self._give(name, version)

    def _give(self, name: str, version: _Version) -> None:
        self._given[name] = version
        self._busy.add(name)
        self._expect(name, version[0])
        self._ready.put_nowait(name)

    async def _listen(self, folder: str, results: str, stopping: asyncio.Event) -> None:
        """Take in that something has changed, as the system tells it."""
        try:
            # One of its types is of trio, which need not be installed.
            from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]
        except ImportError as error:
            raise MissingExtraError("cli", "watchfiles") from error

        def is_news(_: object, path: str) -> bool:
            return not path.startswith(results + os.sep)

        try:
            async for _ in awatch(
                folder,
                watch_filter=is_news,
                step=_STEP_MILLISECONDS,
                stop_event=stopping,
                ignore_permission_denied=True,
            ):
                self._news.set()
        except (OSError, RuntimeError) as error:  # the system's limits, for example
            raise _unwatchable(self._folder, error) from error


def _real(folder: Path, other: Path) -> tuple[str, str]:
    return os.path.realpath(folder), os.path.realpath(other)


def _unwatchable(folder: Path, error: Exception) -> AudioEnhanceError:
    return ConfigurationError(
        f"Nobody can be notified of changes in {folder}: {error}.",
        hint="Add --poll, to look at it now and then instead.",
    )


def _is_unfinished(name: str) -> bool:
    """Whether somebody still writes a file, and says so beside it; blocks."""
    return any(os.path.lexists(name + ending) for ending in _UNFINISHED)


def _version_of(name: str) -> _Version | None:
    """Return what tells a file from its next version, `None` of what is empty or gone; blocks."""
    try:
        status = os.stat(name)  # noqa: PTH116  names are texts here
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if status.st_size else None
