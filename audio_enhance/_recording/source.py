"""What is to be enhanced: a path, bytes, or data that is still arriving."""

import os
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from functools import cached_property
from pathlib import Path, PurePath
from threading import Event
from typing import Any, Self

import attrs

from audio_enhance._core.cancellation import stopped_in_thread
from audio_enhance._core.errors import (
    InvalidInputError,
    InvalidSourceError,
    UnsupportedMediaTypeError,
)
from audio_enhance._core.located import locating
from audio_enhance._core.paths import RemotePath, is_address, is_url
from audio_enhance._video.kinds import check_installed, video_type_of

from .content import BytesContent, Content, FileContent
from .fetched import FetchedContent
from .file_object import BinaryFile, chunks_of, name_of
from .filenames import bare_name, safe_name, split_ending
from .film import FilmContent, film_of
from .fingerprint import Fingerprint
from .media_types import content_type_of, sniff_suffix
from .original import Original
from .remote import RemoteFile
from .spooled import KeptContent, SpooledContent, spool
from .suffixes import is_video


@attrs.define(eq=False)
class Source:
    """A recording to be enhanced, with the name and the content type it is sent under.

    Make one with `Source.from_path`, `Source.from_bytes` or `await Source.spool`. A spooled
    source holds a temporary file until you call `close`, its `async with` block ends, or
    nothing refers to it any more.

    Attributes:
        filename: The bare name that the API is told; it names the result too.
        content_type: One of the API's types, `audio/mpeg` for example.
        path: Where the file is, if the source is a file on this machine.
        url: Where the file is, if it is elsewhere: its URL without secrets.
        label: What errors and reports call it: the path or URL, or else the name.
    """

    filename: str
    content_type: str
    path: Path | None
    _original: Original = attrs.field(repr=False, converter=Original)
    url: str | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def from_path(
        cls,
        path: str | os.PathLike[str],
        *,
        content_type: str | None = None,
        filename: str | None = None,
        check_type: bool = True,
    ) -> Self:
        """Make a source of a file; nobody looks at the file until the source is used.

        Args:
            path: The file.
            content_type: Sent instead of the type that the name stands for.
            filename: Sent instead of the file's own name; only its last part is used.
            check_type: Refuse a content type that the API is not known to take.

        Raises:
            InvalidSourceError: It is a URL instead of a path.
            UnsupportedMediaTypeError: The API does not take such a type.
        """
        if is_address(path):
            raise InvalidSourceError(
                "This is a URL, and not a path.",
                hint="Use Source.from_url, and give the URL as a text.",
                source=os.fspath(path),
            )
        path = path if isinstance(path, Path) else Path(path)
        filename = bare_name(filename or path.name)
        content = FileContent(path)
        try:
            kind = content_type_of(filename, content_type, check=check_type, label=str(path))
        except UnsupportedMediaTypeError:
            # What the path is matters more than what its name lacks: a folder has no suffix.
            content.check_kind()
            raise
        return cls(_sendable(filename), kind, path, content)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        content_type: str | None = None,
        filename: str | None = None,
        check_type: bool = True,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a source of a file in a bucket or on a web server, read through fsspec.

        Nobody looks at the file until the source is used. Then the client reads it once, into a
        temporary file that it keeps for as long as a job needs it.

        Args:
            url: `s3://bucket/talk.wav` for example, or `https://…`.
            content_type: Sent instead of the type that the name stands for.
            filename: Sent instead of the name in the URL; only its last part is used.
            check_type: Refuse a content type that the API is not known to take.
            storage_options: Options for fsspec's file system, in addition to what it finds in the
                environment. No journal contains them, so `take_up` has only the environment.

        Raises:
            InvalidInputError: It is not such a URL, or it contains a password.
            UnsupportedMediaTypeError: The API does not take such a type.
            MissingExtraError: The extra `remote` is not installed.
        """
        file = RemoteFile.at(url, storage_options)
        filename = bare_name(filename or file.filename or "")
        kind = content_type_of(filename, content_type, check=check_type, label=file.name)
        return cls(_sendable(filename), kind, None, FetchedContent(file), url=file.name)

    @classmethod
    def from_video(
        cls, video: "str | os.PathLike[str] | Source", *, filename: str | None = None
    ) -> Self:
        """Make a source of a video: its sound is enhanced, and its result is the whole video.

        The client takes the sound out when it needs it, and puts the enhanced sound back beside the
        untouched picture. It enhances the default sound track, or else the first one; other tracks
        stay as they are. If you give a path instead of a source, its ending tells that it is a
        video.

        Args:
            video: An MP4, M4V, MOV, MKV or WebM file, the URL of one, or a source of its data, from
                `spool` for example, without `keep_in`.
            filename: Names the result instead of the file's own name; only its last part is used.

        Raises:
            UnsupportedMediaTypeError: Its name does not end like the name of such a video.
            InvalidInputError: It is a source that cannot be a video.
            MissingExtraError: The extra `video` is not installed.
        """
        check_installed()
        path: Path | None = None
        url: str | None = None
        content: Content
        if isinstance(video, Source):
            filename = filename or video.filename
            content, url = original_of(video).content, video.url
            if not isinstance(content, SpooledContent | FetchedContent) or isinstance(
                content, KeptContent
            ):
                raise InvalidInputError(
                    "This source cannot be used as a video.",
                    hint="Give its path, or spool it without keep_in.",
                    source=video.label,
                )
        elif isinstance(video, str) and is_url(video):
            file = RemoteFile.at(video)
            filename, url = filename or file.filename, file.name
            content = FetchedContent(file)
        else:
            path = Path(video)
            filename = filename or path.name
            content = FileContent(path)
        filename = bare_name(filename)
        kind = video_type_of(filename, label=url if path is None else str(path))
        return cls(_sendable(filename), kind, path, FilmContent(content, filename), url=url)

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        filename: str | None = None,
        *,
        content_type: str | None = None,
        check_type: bool = True,
    ) -> Self:
        """Make a source of bytes in memory.

        Args:
            data: The content of an audio file.
            filename: The name to send; only its last part is used. The default is `recording`, with
                an ending that fits the data.
            content_type: Sent instead of the type that the name stands for.
            check_type: Refuse a content type that the API is not known to take.

        Raises:
            InvalidSourceError: There are no bytes.
            UnsupportedMediaTypeError: Neither name nor data tell a type that the API takes.
        """
        if not data:
            raise InvalidSourceError("The data is empty.", source=filename)
        filename = bare_name(filename) if filename else f"recording{sniff_suffix(data)}"
        kind = content_type_of(filename, content_type, check=check_type)
        return cls(_sendable(filename), kind, None, BytesContent(bytes(data)))

    @classmethod
    async def spool(
        cls,
        chunks: AsyncIterable[bytes],
        filename: str,
        *,
        content_type: str | None = None,
        check_type: bool = True,
        max_bytes: int | None = None,
        keep_in: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Make a source of data that is still arriving, hashed on its way to a temporary file.

        Args:
            chunks: The data, in pieces of any size.
            filename: The name to send; only its last part is used.
            content_type: Sent instead of the type that the name stands for.
            check_type: Refuse a content type that the API is not known to take.
            max_bytes: The most bytes to accept; the client stops reading as soon as there are more.
            keep_in: A folder to keep the data in until its job is over, for `submit` with a
                journal: `take_up` finds the data there after a restart. Without it, the data is
                in a temporary file that is gone when the process ends.

        Raises:
            InvalidSourceError: Nothing arrived.
            SourceTooLargeError: More than `max_bytes` arrived.
            UnsupportedMediaTypeError: The API does not take such a type; found before reading.
            OutputError: The temporary file cannot be written.
        """
        filename = bare_name(filename)
        kind = content_type_of(filename, content_type, check=check_type)
        with locating(source=filename):
            folder = None if keep_in is None else Path(os.path.abspath(keep_in))  # noqa: ASYNC240, PTH100  asks no disk
            content = await spool(chunks, max_bytes=max_bytes, keep_in=folder)
        return cls(_sendable(filename), kind, None, content)

    @classmethod
    async def from_file(cls, file: BinaryFile, *, filename: str | None = None) -> Self:
        """Make a source of the rest of an open file, through a temporary file.

        Args:
            file: A file open in binary mode, `io.BytesIO`, a file of aiofiles or an upload of a
                web framework. The client reads it from its current position, and does not close
                it.
            filename: The name to send; only its last part is used. The default is the file's own
                name, or else `recording` with an ending that fits the data.

        Raises:
            InvalidSourceError: Nothing is left in it, it cannot be read, or it is open as text.
            UnsupportedMediaTypeError: Neither name nor data tell a type that the API takes.
            OutputError: The temporary file cannot be written.
        """
        chunks = chunks_of(file)
        filename = filename or name_of(file)
        if filename is None:
            first = await anext(chunks, b"")
            if not first:
                raise InvalidSourceError("The open file has been read to its end already.")
            filename = f"recording{sniff_suffix(first)}"
            chunks = _joined(first, chunks)
        source = await cls.spool(chunks, filename)
        return cls.from_video(source) if is_video(filename) else source

    @property
    def kept_at(self) -> Path | None:
        """Where its data is kept until its job is over, if it is."""
        content = self._original.content
        return content.path if isinstance(content, KeptContent) else None

    def keep(self) -> None:
        """Leave data that is kept where it is when this is closed: a journal knows of it."""
        content = self._original.content
        if isinstance(content, KeptContent):
            content.keep()

    @cached_property
    def label(self) -> str:
        """What errors and reports call it: the path or URL, or the name where there is none."""
        return str(self.path) if self.path is not None else self.url or self.filename

    @property
    def place(self) -> PurePath | None:
        """Where it is, here or elsewhere, if it is a file."""
        return self.path if self.url is None else RemotePath(self.url)

    @property
    def is_video(self) -> bool:
        """Whether it is sent as the sound of a video: it was made with `from_video`."""
        return film_of(self._original.content) is not None

    @property
    def has_picture(self) -> bool:
        """Whether it is a video, whose result is put back into it; known once it is hashed."""
        film = film_of(self._original.content)
        return film is not None and film.has_picture

    async def with_sound(self, enhanced: "Source") -> "Source":
        """Return the video with the enhanced sound instead of its own, in a temporary file.

        Use it for a result that you read from `EnhanceClient.stream` instead of having it saved.

        Args:
            enhanced: The result of its enhancement.

        Raises:
            InvalidInputError: It is not a video, or has no picture.
            SourceChangedError: The video changed since its sound was taken out.
            CorruptTransferError: The result is not sound that can be put back.
            OutputError: The temporary file cannot be written.
        """
        await self.fingerprint()
        film = film_of(self._original.content)
        if film is None or not film.has_picture:
            raise InvalidInputError("This is not a video with a picture.", source=self.label)
        expected = await enhanced.fingerprint()

        def made(cancelled: Event) -> Content:
            with original_of(enhanced).content.open(expected) as sound:
                return film.with_sound(sound, cancelled)

        with locating(source=self.label):
            content = await stopped_in_thread(made)
        return type(self)(self.filename, self.content_type, None, content)

    @property
    def sent_as(self) -> tuple[str, str]:
        """The name and the content type that the API is told; a video's, once it is hashed."""
        film = film_of(self._original.content)
        return (self.filename, self.content_type) if film is None else film.sent_as

    @property
    def note(self) -> str | None:
        """What a person should know of its result, in one sentence, once it is hashed."""
        film = film_of(self._original.content)
        return None if film is None else film.note

    async def fingerprint(self) -> Fingerprint:
        """Return its length and MD5, computed once and off the event loop.

        Raises:
            InvalidSourceError: It is missing, a folder, empty or unreadable.
            SourceChangedError: It changed while it was read.
        """
        original = self._original
        return original.known or await original.fingerprint(self.label)

    async def read(self, start: int = 0, count: int | None = None) -> bytes:
        """Return some of its bytes, read off the event loop; fewer where it ends before.

        Args:
            start: The first byte's number, from 0.
            count: How many bytes at the most; all that follow if `None`.

        Raises:
            InvalidSourceError: It is missing, a folder, empty, unreadable or closed.
            SourceChangedError: It is not what it was when it was first used.
        """
        expected = await self.fingerprint()
        stop = expected.byte_size if count is None else min(start + count, expected.byte_size)
        return await self._original.read(expected, start, stop)

    def close(self) -> None:
        """Release a spooled source's temporary file; harmless for any other."""
        self._original.content.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.close()


def original_of(source: Source) -> Original:
    """Return what a source is made of, which `Source` does not show to users."""
    return source._original  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  the one way to it


async def _joined(first: bytes, others: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for other in others:
        yield other


def _sendable(name: str) -> str:
    """Return a name without what no request and no result should hold, control characters."""
    if name.isprintable():
        return name
    return safe_name(name) or f"recording{split_ending(name)[1]}"
