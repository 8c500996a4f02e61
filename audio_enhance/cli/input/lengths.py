"""How long recordings last, where PyAV is installed to tell."""

from importlib.util import find_spec
from pathlib import Path

import attrs

# The readers of the formats that the API takes, and of videos: what is not among them is not
# even probed, since playlists would read other files.
_READERS = "aac,aiff,flac,matroska,mov,mp3,ogg,wav"


def can_tell() -> bool:
    """Whether lengths can be told at all."""
    return find_spec("av") is not None


@attrs.frozen
class Length:
    """How long a recording lasts.

    Attributes:
        seconds: The time.
        is_estimate: Whether nothing in the recording says so: an MP3 without an index, or raw AAC,
            is as long as its size is at the bit rate of its beginning.
    """

    seconds: float
    is_estimate: bool = False


def length_of(path: str | Path) -> Length | None:
    """Return how long a recording lasts, `None` where that cannot be told. Blocks.

    Its head is read, and no more.
    """
    if not can_tell():
        return None
    import av
    from av.error import FFmpegError

    try:
        with av.open(
            f"file:{path}", "r", container_options={"format_whitelist": _READERS}
        ) as container:
            length, kind = container.duration, container.format.name
        if length is None or length <= 0:
            return None
        return Length(length / av.time_base, _is_estimate(Path(path), kind))
    except (FFmpegError, OSError, ValueError):
        return None


def _is_estimate(path: Path, kind: str) -> bool:
    from audio_enhance.local.enhancer.mp3 import has_index

    return kind == "aac" or (kind == "mp3" and not has_index(path))
