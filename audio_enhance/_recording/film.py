"""The sound of a video: taken out when it is needed, kept for as long, and put back in the end."""

import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from audio_enhance._core.errors import (
    InvalidSourceError,
    JobCancelledError,
    SourceChangedError,
)

from .content import Content
from .filenames import split_ending
from .fingerprint import Fingerprint, digest
from .media_types import AUDIO_SUFFIXES, content_type_of
from .reader import Reader
from .seen import Seen
from .spooled import SpooledContent, temporary

if TYPE_CHECKING:
    from audio_enhance._video.sound import Sound


class Film(Content, Protocol):
    """A video whose sound can be taken out: it opens as it is now, and tells when it changes."""

    def opened(self) -> Reader:
        """Open it as it is now."""
        ...

    def version_of(self, file: Reader) -> tuple[int, ...] | None:
        """Return what changes when it does."""
        ...


class FilmContent:
    """What is sent of a video: its sound, in a temporary file without a name.

    That file is made when the sound is asked for, and once more when it is asked for after it
    was released. What has no picture is sent as it is.

    Args:
        film: The video.
        filename: Its name.
    """

    def __init__(self, film: Film, filename: str) -> None:
        self._film = film
        self._filename = filename
        self._lock = threading.Lock()  # one thread takes it out, for all who want it
        self._sound: Sound | None = None
        self._taken: SpooledContent | None = None
        self._version: tuple[int, ...] | None = None
        self.byte_size = 0
        """The length of the video in bytes, once its fingerprint is known."""

    @property
    def quick(self) -> bool:
        """Whether all of it takes less time than a hop to a thread: it takes far longer."""
        return False

    @property
    def sent_as(self) -> tuple[str, str]:
        """The name and the type that it is sent under, once its fingerprint is known."""
        if self._sound is None:
            return self._filename, content_type_of(self._filename)
        stem, _ = split_ending(self._filename)
        return f"{stem}{self._sound.suffix}", self._sound.content_type

    @property
    def has_picture(self) -> bool:
        """Whether a result has to be put back, once its fingerprint is known."""
        return self._sound is not None

    @property
    def note(self) -> str | None:
        """What a person should know of a result, once its fingerprint is known."""
        if self._sound is None:
            return None
        others, lost = self._sound.others, self._sound.left_out
        said: list[str] = []
        if others == 1:
            said.append("Its other sound track stayed as it was.")
        elif others:
            said.append(f"Its {others} other sound tracks stayed as they were.")
        if lost:
            tracks = "data track" if lost == 1 else "data tracks"
            said.append(f"Without {lost} {tracks}, of a phone's sensors for example.")
        return " ".join(said) or None

    def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
        """Take the sound out, and return what identifies it.

        Raises:
            InvalidSourceError: It is no video that can be read, or has no sound.
            OutputError: There is no room for the sound.
        """
        with self._lock:
            return self._taken_out(cancelled)

    def open(self, expected: Fingerprint) -> Reader:
        """Open the sound; raises `SourceChangedError` when it is not what was expected."""
        if self._sound is None:
            return self._film.open(expected)
        with self._lock:
            if self._taken is None and self._taken_out(threading.Event()) != expected:
                raise SourceChangedError("The video changed since its sound was taken out.")
            assert self._taken is not None
            return self._taken.open(expected)

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Do nothing for a sound that was taken out: nobody else can reach it."""
        if self._sound is None:
            self._film.verify(file, expected)

    def look(self) -> Seen | None:
        """Return the video as it is now, `None` if it is gone."""
        return self._film.look()

    def release(self) -> None:
        """Let go of the sound, which can be taken out again; never waits."""
        # Whoever is taking it out was left behind by a cancelled job, and drops it as well.
        if self._lock.acquire(blocking=False):
            self._drop()
            self._lock.release()
        self._film.release()

    def close(self) -> None:
        """Release what is held; a video on the user's disk stays."""
        self.release()
        self._film.close()

    def put_back(self, enhanced: Path, into: Path, cancelled: threading.Event) -> None:
        """Write the video with the enhanced sound in the place of its own.

        Args:
            enhanced: The result.
            into: The file to be written.
            cancelled: Stops it early.

        Raises:
            SourceChangedError: It is not the video any more that the sound was taken out of.
            InvalidSourceError: It cannot be read any more.
            CorruptTransferError: The result is no sound.
            OSError: The file cannot be written.
        """
        self._put_back(str(enhanced), str(into), cancelled)

    def with_sound(self, enhanced: Reader, cancelled: threading.Event) -> SpooledContent:
        """Return the video with the enhanced sound, in a temporary file without a name.

        Raises:
            OutputError: That cannot be written.
            AudioEnhanceError: As in `put_back`.
        """
        with temporary("The video") as raw:
            into = io.BufferedRandom(raw)
            self._put_back(cast("BinaryIO", enhanced), cast("BinaryIO", into), cancelled)
            return SpooledContent(raw, _written(into, raw, cancelled))

    def _put_back(
        self, enhanced: str | BinaryIO, into: str | BinaryIO, cancelled: threading.Event
    ) -> None:
        from audio_enhance._video.putting_back import put_back  # of the extra `video`

        assert self._sound is not None
        suffix = split_ending(self._filename)[1]
        with self._film.opened() as video:
            self._check_version(video)
            put_back(cast("BinaryIO", video), self._sound, enhanced, into, suffix, cancelled)
            self._check_version(video)

    def _taken_out(self, cancelled: threading.Event) -> Fingerprint:
        self._drop()
        self._sound = None
        with self._film.opened() as video:
            self._version = self._film.version_of(video)
            self.byte_size = video.seek(0, io.SEEK_END)
            video.seek(0)
            if not self.byte_size:
                raise InvalidSourceError("The file is empty.", hint="Record it again.")
            known = None
            if not self._is_no_video(video):
                known = self._sound_of(video, cancelled)
            self._check_version(video)
        if known is None:
            known = self._film.fingerprint(cancelled)
            self._film.release()  # nobody may need it, which is not known here
            return known
        # With the version of the video: by that a journal sees whether it still is the same.
        return Fingerprint(known.byte_size, known.md5, self._version)

    def _is_no_video(self, file: Reader) -> bool:
        """Whether a file that could be of sound alone is not even of the family of MP4."""
        if split_ending(self._filename)[1].lower() not in AUDIO_SUFFIXES:
            return False
        beginning = file.read(8) or b""
        file.seek(0)
        return beginning[4:] != b"ftyp"  # ISO/IEC 14496-12 §4.3

    def _sound_of(self, video: Reader, cancelled: threading.Event) -> Fingerprint | None:
        """Write the sound to a temporary file; return `None` where there is no picture."""
        from audio_enhance._video.taking_out import take_out  # of the extra `video`

        with temporary("The video's sound") as raw:
            into = io.BufferedRandom(raw)
            sound = take_out(cast("BinaryIO", video), cast("BinaryIO", into), cancelled)
            known = _written(into, raw, cancelled)
            if sound is None:
                raw.close()
                return None
        self._sound, self._taken = sound, SpooledContent(raw, known)
        return known

    def _drop(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            taken.close()

    def _check_version(self, video: Reader) -> None:
        if self._film.version_of(video) != self._version:
            raise SourceChangedError("The video changed while its sound was enhanced.")


def film_of(content: Content) -> FilmContent | None:
    """Return the video that a content is made of, if it is made of one."""
    return content if isinstance(content, FilmContent) else None


def _written(into: io.BufferedRandom, raw: io.FileIO, cancelled: threading.Event) -> Fingerprint:
    """Write the rest to a file that was buffered, and return what identifies its content."""
    into.flush()
    into.detach()
    raw.seek(0)
    known = Fingerprint(*digest(raw, cancelled))
    if cancelled.is_set():
        raise JobCancelledError("It is no longer needed.")
    return known
