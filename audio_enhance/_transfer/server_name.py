"""The name that the server has for a result, made safe."""

import re
import warnings

from aiohttp import content_disposition_filename, parse_content_disposition

from audio_enhance._recording.filenames import on_disk, safe_name, split_ending
from audio_enhance._recording.media_types import AUDIO_SUFFIXES

# Nothing but a name in quotes, without anything in it that could mean something else; or the
# same name for old clients first, and then in UTF-8.
_PLAIN = re.compile(
    r'attachment; ?filename="([A-Za-z0-9 ._~()+-]+)"'
    r"(?:; ?filename\*=UTF-8''\1)?"
)


def recording_name(name: str) -> str | None:
    """Return a server's name for a recording as a safe bare one, `None` if it is no such name.

    It becomes a file of the user's: nothing hidden, and nothing that another program would run
    or read as its own, such as `.bashrc`, `conftest.py` or `setup.exe`.
    """
    name = safe_name(name)
    if name.startswith((".", " ")):
        name = safe_name(name.lstrip(". "))
    return on_disk(name) if split_ending(name)[1].lower() in AUDIO_SUFFIXES else None


def name_from_header(value: str | None) -> str | None:
    """Return the safe bare name in a `Content-Disposition`, `None` where there is none.

    `filename*` wins over `filename` (RFC 6266 §4.3, RFC 5987).
    """
    name = _parameter(value) if value else None
    return recording_name(name) if name else None


def _parameter(value: str) -> str | None:
    plain = _PLAIN.fullmatch(value)  # as S3 sends it; parsing in general takes 400 calls
    if plain is not None:
        return plain[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # aiohttp warns of malformed headers: then there is none
        try:
            _, parameters = parse_content_disposition(value)
        except LookupError:  # in older versions: an unknown charset, or nothing after a `=`
            return None
        return content_disposition_filename(parameters)
