"""What callers give as a source: a path, a URL, bytes, an open file, or a source as such."""

import os
from pathlib import PurePath
from typing import TypeGuard

from audio_enhance._core.errors import InvalidSourceError
from audio_enhance._core.paths import is_url, path_of

from .file_object import BinaryFile
from .remote import RemoteFile
from .source import Source
from .suffixes import is_video

# What a `Source` is made of at once; and what it can be made of when its bytes have arrived.
SourceLike = str | os.PathLike[str] | bytes | Source
AnySource = SourceLike | BinaryFile


def is_file_object(given: object) -> TypeGuard[BinaryFile]:
    """Whether something is an open file, or is read like one; a source has a `read` of its own."""
    # In this order: to look for a protocol takes longer than to hash a small recording.
    return not isinstance(given, str | Source | os.PathLike) and isinstance(given, BinaryFile)


def as_source(source: AnySource, filename: str | None = None) -> Source:
    """Return the source that a path, a URL, some bytes or a source stands for.

    Args:
        source: What was given.
        filename: The name to send, for a path, a URL or bytes.

    Raises:
        InvalidSourceError: It is something else, an open file for example: see `arrived`.
    """
    if isinstance(source, Source):
        if filename is not None:
            raise InvalidSourceError(
                "A Source already has its name.", hint="Give filename= where you make it."
            )
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return Source.from_bytes(bytes(source), filename)
    if isinstance(source, str) and is_url(source):
        video = is_video(RemoteFile.at(source).filename)  # without what a URL may have after it
        made = Source.from_video if video else Source.from_url
        return made(source, filename=filename)
    if isinstance(source, str | os.PathLike):
        if is_video(os.fspath(source)):
            return Source.from_video(source, filename=filename)
        return Source.from_path(source, filename=filename)
    hint = "Give a path, bytes or a Source."
    if is_file_object(source):
        hint = "Give `await Source.from_file(…)`: its bytes are needed more than once."
    raise InvalidSourceError(f"A {type(source).__name__} cannot be used as a source.", hint=hint)


async def arrived(source: AnySource, filename: str | None = None) -> Source:
    """Return the source of an open file, when its bytes are there, or of anything else at once."""
    if is_file_object(source):
        return await Source.from_file(source, filename=filename)
    return as_source(source, filename)


def place_of(source: AnySource) -> PurePath | None:
    """Return where a source is, here or elsewhere, if it is a file."""
    if isinstance(source, Source):
        return source.place
    return path_of(source) if isinstance(source, str | os.PathLike) else None
