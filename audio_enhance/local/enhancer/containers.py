"""Files of audio, opened but not decoded."""

from pathlib import Path
from typing import Any, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from .chunks import misread_bits
from .corrected import Corrected
from .errors import NotAudioError, TooLongError
from .formats import DEMUXERS

# Tags in a legacy encoding are nobody's business here. PyAV 19 takes them by itself, and no
# argument for it any more.
_LENIENT: dict[str, Any] = (
    {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
)


def open_container(path: Path) -> InputContainer:
    """Open a file; what it is follows from its content, never from its name.

    Raises:
        NotAudioError: It is none of the API's formats.
        OSError: It cannot be read.
    """
    address = f"file:{path}"  # so that no name is taken for a URL
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    misread = misread_bits(path)
    target: Any = address if misread is None else Corrected(path, *misread)
    try:
        return cast("InputContainer", av.open(target, options=options, **_LENIENT))
    except FFmpegError as error:
        problem = "The file is not audio of a kind that the API takes, or is cut off."
        raise as_not_audio(error, problem) from error


def audio_stream(container: InputContainer) -> AudioStream:
    """Return the first stream of audio; raises `NotAudioError` if there is none."""
    if not container.streams.audio:
        raise NotAudioError("The file has no audio in it.")
    return container.streams.audio[0]


def check_length(path: Path, max_seconds: float) -> None:
    """Look through a recording's packets, without decoding any, whether it is too long.

    Ten hours of silence fit into a file of 200 kB.

    Args:
        path: The recording.
        max_seconds: How many seconds it may last.

    Raises:
        NotAudioError: It is not audio.
        TooLongError: It lasts longer.
        OSError: It cannot be read.
    """
    with open_container(path) as container:
        stream = audio_stream(container)
        seconds = 0.0
        try:
            for packet in container.demux(stream):
                if packet.duration and packet.time_base:
                    seconds += float(packet.duration * packet.time_base)
                if seconds > max_seconds:
                    raise too_long(max_seconds)
        except FFmpegError as error:
            if isinstance(error, OSError):
                raise
            # It is broken further on; how many seconds there are before shows when it is decoded.


def too_long(max_seconds: float) -> TooLongError:
    """Return the error for a recording that lasts longer than so many seconds."""
    return TooLongError(
        f"The recording lasts longer than the {max_seconds / 60:g} minutes that are allowed.",
        hint="Cut it into shorter ones.",
    )


def as_not_audio(error: FFmpegError, problem: str) -> Exception:
    """Return what to raise for an error of FFmpeg's: the machine's own troubles stay theirs."""
    return error if isinstance(error, OSError) else NotAudioError(problem)
