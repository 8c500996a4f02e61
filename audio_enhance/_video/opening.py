"""A video that is opened, and which of its tracks is the sound that is meant. All of it blocks."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from audio_enhance._core.errors import InvalidSourceError

from .kinds import DEMUXERS

# The sample entries of sound that is encrypted (ISO/IEC 14496-12 §8.12, and Apple's own).
_ENCRYPTED = ("drms", "enca")
# A film is read from its beginning to its end: fewer and larger pieces.
BUFFER_BYTES = 1 << 20
# Texts that are not UTF-8 are copied as they are. PyAV 19 does so by itself, and takes no argument.
LENIENT: dict[str, Any] = (
    {"metadata_errors": "surrogateescape"} if int(av.__version__.split(".")[0]) < 19 else {}
)


def opened(video: str | BinaryIO) -> InputContainer:
    """Return a video that is open for reading, a context manager.

    Args:
        video: Its path, or a file object that can seek.

    Raises:
        InvalidSourceError: It is no video that can be read.
    """
    with reading():
        container: InputContainer = av.open(
            f"file:{video}" if isinstance(video, str) else video,
            "r",
            # What is not in this list is not even probed: playlists would read other files.
            container_options={"format_whitelist": DEMUXERS},
            buffer_size=BUFFER_BYTES,
            **LENIENT,
        )
        return container


@contextmanager
def reading() -> Generator[None]:
    """Raise what FFmpeg complains of meanwhile as an error that says that the video is broken."""
    try:
        yield
    except FFmpegError as error:
        raise InvalidSourceError(
            "This is not an MP4, MOV, MKV or WebM video, or it is broken.",
            hint="Check that it plays.",
        ) from error


def has_picture(container: InputContainer) -> bool:
    """Whether there is a picture that moves, and not only a cover."""
    return any(not Disposition.attached_pic & one.disposition for one in container.streams.video)


def left_out_of(container: InputContainer) -> int:
    """Return how many tracks of data cannot be copied; QuickTime's own are written anew.

    Those are time codes, and the texts of chapters.
    """
    if "mov" not in container.format.name:
        return 0
    lost = [one for one in container.streams.data if "timecode" not in one.metadata]
    chapters = any(one.name == "bin_data" for one in lost) and bool(container.chapters())
    return len(lost) - chapters


def sound_of(container: InputContainer) -> AudioStream:
    """Return the sound track that is enhanced: the default one, or else the first.

    Raises:
        InvalidSourceError: There is none, or none that can be read.
    """
    tracks = container.streams.audio
    if not tracks:
        raise InvalidSourceError(
            "The video has no sound.", hint="Leave it out: there is nothing to enhance."
        )
    track = next((one for one in tracks if Disposition.default & one.disposition), tracks[0])
    context: Any = track.codec_context  # of a codec that is not known there is none
    if context is None or not context.channels:
        raise InvalidSourceError("The video's sound has an unknown codec.")
    if context.codec_tag in _ENCRYPTED:
        raise encrypted()
    return track


def encrypted() -> InvalidSourceError:
    """Return the error that says that the sound is locked up."""
    return InvalidSourceError(
        "The video's sound is encrypted.", hint="Only a copy without protection can be enhanced."
    )
