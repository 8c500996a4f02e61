"""Which files are videos, what their sound is sent as, and what it may come back as."""

import importlib.util
from functools import cache
from typing import NamedTuple

from audio_enhance._core.errors import MissingExtraError, UnsupportedMediaTypeError

# What is sent under which type; none of them is among those that the API takes.
VIDEO_TYPES = {
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
VIDEO_SUFFIXES = frozenset(VIDEO_TYPES)
# FFmpeg's name of the demuxer, and of the muxer that writes the same kind of file.
_MUXERS = {".m4v": "mp4", ".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".webm": "webm"}
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"


class Wrapping(NamedTuple):
    """A file that the sound travels in.

    Attributes:
        suffix: What its name ends in.
        content_type: What it is sent as.
        muxer: FFmpeg's name of it.
    """

    suffix: str
    content_type: str
    muxer: str


_WAV = Wrapping(".wav", "audio/wav", "wav")
FLAC = Wrapping(".flac", "audio/flac", "flac")
# What the API takes as it is in the video: nothing is lost, and nothing has to be encoded.
_AS_IT_IS = {
    "aac": Wrapping(".m4a", "audio/m4a", "ipod"),
    "flac": FLAC,
    "mp3": Wrapping(".mp3", "audio/mpeg", "mp3"),
    "opus": Wrapping(".opus", "audio/opus", "opus"),
    "pcm_f32le": _WAV,
    "pcm_s16le": _WAV,
    "pcm_s24le": _WAV,
    "pcm_s32le": _WAV,
    "vorbis": Wrapping(".ogg", "audio/ogg", "ogg"),
}
# A WAV file says how long it is in 32 bits.
_LONGEST_WAV = (4 << 30) - (1 << 20)
_LOSSLESS = ("alac", "flac", "mlp", "truehd", "tta", "wavpack")
_ENCODERS = {"aac": "aac", "alac": "alac", "flac": "flac", "opus": "libopus"}


@cache
def can_be_read() -> bool:
    """Whether the extra `video` is installed; looked at once."""
    return importlib.util.find_spec("av") is not None


def check_installed() -> None:
    """Raise `MissingExtraError` where the extra `video` is not installed."""
    if not can_be_read():
        raise MissingExtraError("video", "av")


def video_type_of(filename: str, *, label: str | None = None) -> str:
    """Return the content type of a video by its name.

    Args:
        filename: What it ends in decides, in any case of letters.
        label: What an error calls it; the name where it is not given.

    Raises:
        UnsupportedMediaTypeError: It ends in none of those that are known here.
    """
    stem, dot, ending = filename.rpartition(".")
    try:
        return VIDEO_TYPES[f"{dot}{ending}".lower() if stem else ""]
    except KeyError:
        raise UnsupportedMediaTypeError(
            "The name has no ending of a known kind of video.",
            source=label or filename,
            hint=f"Known endings: {', '.join(sorted(VIDEO_TYPES))}.",
        ) from None


def is_video_type(content_type: str | None) -> bool:
    """Whether a content type is one that `video_type_of` gives."""
    return content_type in VIDEO_TYPES.values()


def wrapping_of(codec: str, byte_size: int | None) -> Wrapping | None:
    """Return what a sound track is copied into, `None` where the API does not take its codec.

    Args:
        codec: FFmpeg's name.
        byte_size: How long the track is, where that is known.
    """
    wrapping = _AS_IT_IS.get(codec)
    if wrapping is _WAV and (byte_size or 0) > _LONGEST_WAV:
        return None
    return wrapping


def is_lossless(codec: str) -> bool:
    """Whether nothing is lost in what a codec encodes."""
    return codec in _LOSSLESS or codec.startswith("pcm_")


def muxer_of(demuxer: str, suffix: str) -> str:
    """Return FFmpeg's name of the muxer for a video that a demuxer has read.

    What a file is decides; its name does where two kinds are read by one demuxer.
    """
    by_name = _MUXERS.get(suffix.lower())
    if "matroska" in demuxer:
        return by_name if by_name in ("matroska", "webm") else "matroska"
    return by_name if by_name in ("mov", "mp4") else "mp4"


def codec_in(muxer: str, before: str) -> str:
    """Return the codec that enhanced sound gets in a video.

    Args:
        muxer: FFmpeg's name of the kind of video.
        before: The codec that the sound had.
    """
    match muxer:
        case "webm":
            return "opus"  # or Vorbis, for which there is no good encoder
        case "matroska" if is_lossless(before):
            return "flac"
        case "matroska" if before in ("opus", "vorbis"):
            return "opus"
        case "mov" | "mp4" if before in ("alac", "flac"):
            return before
        case "mov" if is_lossless(before):
            return "pcm_s24le" if before not in ("pcm_s16le", "pcm_s16be") else "pcm_s16le"
        case _:
            return "aac"


def may_be_copied(codec: str, muxer: str, before: str) -> bool:
    """Whether a result goes into the video as it came, without being encoded again."""
    if is_lossless(codec) and not is_lossless(before):
        return False  # it would be several times as large as what was there
    if codec == "vorbis":
        return False  # FFmpeg guesses when a page's first packet begins, and errs by a block
    if codec == before:
        return True  # players that took it before take it now
    return codec == codec_in(muxer, before)


def encoder_of(codec: str) -> str:
    """Return FFmpeg's name of the encoder of a codec."""
    return _ENCODERS.get(codec, codec)
