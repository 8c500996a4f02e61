"""How long recordings last, where PyAV is installed to tell."""

from importlib.util import find_spec
from pathlib import Path

# The readers of the formats that the API takes, and of videos: what is not among them is not
# even probed, since playlists would read other files.
_READERS = "aac,aiff,flac,matroska,mov,mp3,ogg,wav"


def can_tell() -> bool:
    """Whether lengths can be told at all."""
    return find_spec("av") is not None


def seconds_of(path: str | Path) -> float | None:
    """Return how many seconds a recording lasts, `None` where that cannot be told. Blocks.

    Its head is read, and no more: an MP3 without an index is estimated from its bit rate.
    """
    if not can_tell():
        return None
    import av
    from av.error import FFmpegError

    try:
        with av.open(
            f"file:{path}", "r", container_options={"format_whitelist": _READERS}
        ) as container:
            length = container.duration
    except (FFmpegError, OSError, ValueError):
        return None
    return None if length is None or length <= 0 else length / av.time_base
