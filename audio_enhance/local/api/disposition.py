"""The name under which a result is downloaded."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote


def output_name(filename: str, strength: int) -> str:
    """Return ``<stem>-enhanced-<strength>p.<ext>`` (the Enhance Speech guide, step 5)."""
    suffix = PurePosixPath(filename).suffix
    return f"{filename.removesuffix(suffix)}-enhanced-{strength}p{suffix}"


def attachment(name: str) -> str:
    """Return a ``Content-Disposition`` with the name twice (RFC 6266 §4.3 and appendix D).

    ``filename`` for those who know no better, in ASCII; ``filename*`` with every character.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    if not re.search(r"\w", plain.partition("-enhanced-")[0]):
        plain = "audio" + plain[plain.find("-enhanced-") :]
    quoted = re.sub(r'(["\\])', r"\\\1", plain)
    # RFC 8187 §3.2.1: these may stand unescaped in an extended value.
    extended = quote(name, safe="!#$&+-.^_`|~")
    return f"attachment; filename=\"{quoted}\"; filename*=UTF-8''{extended}"
