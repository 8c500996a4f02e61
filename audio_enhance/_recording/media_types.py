"""The content types that the API takes, and which of them a file name stands for."""

import re

from audio_enhance._core.errors import UnsupportedMediaTypeError

from .filenames import split_ending

# The sixteen types of the API's later revision.
CONTENT_TYPES = frozenset(
    {
        "audio/aac",
        "audio/flac",
        "audio/m4a",
        "audio/mp4",
        "audio/mpeg",
        "audio/mpeg4-generic",
        "audio/ogg",
        "audio/opus",
        "audio/vnd.dlna.adts",
        "audio/vorbis",
        "audio/wav",
        "audio/x-aac",
        "audio/x-aiff",
        "audio/x-flac",
        "audio/x-m4a",
        "audio/x-wav",
    }
)

# Our own table: the operating system's (`mimetypes`) differs from machine to machine.
_BY_SUFFIX = {
    ".aac": "audio/aac",
    ".adts": "audio/vnd.dlna.adts",
    ".aif": "audio/x-aiff",
    ".aifc": "audio/x-aiff",
    ".aiff": "audio/x-aiff",
    ".flac": "audio/flac",
    ".m4a": "audio/m4a",
    ".m4b": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".mp4": "audio/mp4",
    ".mpga": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/opus",
    ".wav": "audio/wav",
    ".wave": "audio/wav",
}
_A_TYPE = re.compile(r"[!-~]+/[ -~]+")
AUDIO_SUFFIXES = frozenset(_BY_SUFFIX)


def content_type_of(
    filename: str, override: str | None = None, *, check: bool = True, label: str | None = None
) -> str:
    """Return the content type to send for a file name.

    Args:
        filename: Its suffix decides, in upper or lower case.
        override: A type to use instead of the one that the name stands for.
        check: Refuse an `override` that is not among the API's sixteen.
        label: What an error calls the source; the default is the name.

    Raises:
        UnsupportedMediaTypeError: The name tells no type that the API takes, or the API does not
            take the override.
    """
    if override is not None:
        # Even an unknown type becomes a header, which a line break would end.
        if override not in CONTENT_TYPES and (check or not _A_TYPE.fullmatch(override)):
            raise UnsupportedMediaTypeError(
                f"The API does not take the content type {override!r}.",
                source=label or filename,
                hint=f"It takes: {', '.join(sorted(CONTENT_TYPES))}.",
            )
        return override
    suffix = split_ending(filename)[1].lower()
    try:
        return _BY_SUFFIX[suffix]
    except KeyError:
        raise UnsupportedMediaTypeError(
            f"The name ends in {suffix!r}, which is not an audio format that the API takes."
            if suffix
            else "The name has no ending that tells its audio format.",
            source=label or filename,
            hint=f"Use a file that ends in one of {', '.join(sorted(_BY_SUFFIX))}, "
            "or give its content type.",
        ) from None


def sniff_suffix(data: bytes) -> str:
    """Return the file ending that fits the first bytes of a file, or an empty text.

    The marks are those of the formats' own documents: RIFF, RFC 9639 (FLAC), RFC 3533 (Ogg),
    ISO/IEC 14496-12 (`ftyp`), AIFF, ID3v2 and the MPEG frame sync.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return ".wav"
    if data[:4] == b"fLaC":
        return ".flac"
    if data[:4] == b"OggS":
        return ".opus" if b"OpusHead" in data[:64] else ".ogg"
    if data[4:8] == b"ftyp":
        return ".m4a"
    if data[:4] == b"FORM" and data[8:12] in (b"AIFF", b"AIFC"):
        return ".aiff"
    if data[:3] == b"ID3":
        return ".mp3"
    if len(data) > 1 and data[0] == 0xFF:
        if data[1] & 0xF6 == 0xF0:
            return ".aac"  # ADTS: sync word, layer bits 00
        if data[1] & 0xE0 == 0xE0:
            return ".mp3"
    return ""
