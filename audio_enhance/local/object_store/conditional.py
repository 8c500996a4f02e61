"""Conditional requests (RFC 9110 §13), as S3 answers them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aiohttp import hdrs

from audio_enhance.local.object_store import errors as s3

from .files import StoredObject


def is_unchanged(headers: Mapping[str, str], stored: StoredObject) -> bool:
    """Return whether a download is answered 304: what the caller has is what there is.

    Raises:
        S3Error: 412 ``PreconditionFailed`` if the caller wants another version than there is.
    """
    # In the order of RFC 9110 §13.2.2: what goes by the ETag goes before what goes by the date.
    since = stored.modified.replace(microsecond=0)
    if (tags := headers.get(hdrs.IF_MATCH)) is not None:
        if not _names(tags, stored, weakly=False):
            raise s3.precondition_failed(hdrs.IF_MATCH)
    elif (date := _date(headers, hdrs.IF_UNMODIFIED_SINCE)) is not None and since > date:
        raise s3.precondition_failed(hdrs.IF_UNMODIFIED_SINCE)
    if (tags := headers.get(hdrs.IF_NONE_MATCH)) is not None:
        return _names(tags, stored, weakly=True)
    return (date := _date(headers, hdrs.IF_MODIFIED_SINCE)) is not None and since <= date


def check_upload(headers: Mapping[str, str], key: str, stored: StoredObject | None) -> None:
    """Make sure that an upload may take the place of what is there.

    Raises:
        S3Error: 412 ``PreconditionFailed`` if it may not, 404 if there is nothing to replace.
    """
    if (tags := headers.get(hdrs.IF_NONE_MATCH)) is not None:
        if tags != "*":
            raise s3.not_implemented(hdrs.IF_NONE_MATCH)
        if stored is not None:
            raise s3.precondition_failed(hdrs.IF_NONE_MATCH)
    if (tags := headers.get(hdrs.IF_MATCH)) is not None:
        if stored is None:
            raise s3.no_such_key(key)
        if not _names(tags, stored, weakly=False):
            raise s3.precondition_failed(hdrs.IF_MATCH)


def _names(tags: str, stored: StoredObject, *, weakly: bool) -> bool:
    if weakly:
        tags = re.sub(r'\bW/(?=")', "", tags)
    # S3 knows its ETags without their quotes, too.
    return tags == "*" or any(
        tag.strip() in (stored.etag, stored.etag.strip('"')) for tag in tags.split(",")
    )


def _date(headers: Mapping[str, str], name: str) -> datetime | None:
    """Return the date in a header, None if it is none: then the header does not count."""
    try:
        return parsedate_to_datetime(headers[name]).replace(tzinfo=UTC)
    except (KeyError, ValueError):
        return None
