"""An enhancer for rehearsals: it takes its time and touches no audio."""

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from audio_enhance.local.serving.threads import in_thread

from .errors import NotAudioError

_MIB = 1024 * 1024
_REFUSED = b"not audio"


class Rehearsal:
    """A stand-in for an enhancer, for tests of schedulers, queues and transfers.

    The result is a line that names the strength and the source's MD5, followed by the source's
    bytes: different for every source and strength, and known beforehand (`expected`). A source
    that begins with ``not audio`` is refused as `NotAudioError`.

    Args:
        seconds: How long every enhancement takes.
        seconds_per_mib: How much longer it takes for every MiB of the source.
        sleep: How it waits; for tests with a clock of their own.
    """

    def __init__(
        self,
        *,
        seconds: float = 0,
        seconds_per_mib: float = 0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._seconds = seconds
        self._seconds_per_mib = seconds_per_mib
        self._sleep = sleep

    async def enhance(
        self,
        source: Path,
        destination: Path,
        *,
        content_type: str,  # noqa: ARG002 - every type is rehearsed alike
        strength: int,
    ) -> None:
        """Wait, then write the result that `expected` gives; see `Enhancer.enhance`."""
        size = await in_thread(_check, source)
        await self._sleep(self._seconds + self._seconds_per_mib * size / _MIB)
        try:
            await in_thread(_write, source, destination, strength)
        except BaseException:
            destination.unlink(missing_ok=True)  # noqa: ASYNC240 - a single system call
            raise

    async def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    @staticmethod
    def expected(data: bytes, strength: int) -> bytes:
        """Return the result for a source with these bytes."""
        return _headline(hashlib.md5(data).hexdigest(), strength) + data


def _check(source: Path) -> int:
    with source.open("rb") as file:
        if file.read(len(_REFUSED)) == _REFUSED:
            raise NotAudioError("The file says itself that it is not audio.")
    return source.stat().st_size


def _write(source: Path, destination: Path, strength: int) -> None:
    with source.open("rb") as data, destination.open("wb") as result:
        result.write(_headline(hashlib.file_digest(data, "md5").hexdigest(), strength))
        data.seek(0)
        shutil.copyfileobj(data, result, _MIB)


def _headline(digest: str, strength: int) -> bytes:
    return f"enhanced strength={strength} md5={digest}\n".encode()
