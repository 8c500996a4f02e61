"""Range requests (RFC 9110 §14.2), as S3 serves them: one range at a time."""

import re
from collections.abc import Mapping

from aiohttp import hdrs

from audio_enhance.local.object_store import errors as s3

from .files import StoredObject


def requested_range(headers: Mapping[str, str], stored: StoredObject) -> range | None:
    """Return the offsets to send, or None for the whole object.

    What is not a single range of bytes is ignored, as RFC 9110 allows and S3 does; so is a range
    whose ``If-Range`` names another version of the object.

    Raises:
        S3Error: 416 ``InvalidRange`` if the range begins behind the end.
    """
    header = headers.get(hdrs.RANGE, "")
    size = stored.info.size
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header, re.ASCII)
    if match is None or header == "bytes=-":
        return None
    if headers.get(hdrs.IF_RANGE, stored.etag) not in (stored.etag, stored.last_modified):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < start:
            return None
    if start >= size:
        raise s3.invalid_range(header, size)
    return range(start, stop)
