"""What is left of the source that a row is about: its file, kept data, or what was uploaded."""

from functools import partial
from pathlib import Path

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import AudioEnhanceError, InvalidSourceError
from audio_enhance._core.paths import is_url
from audio_enhance._recording.content import UploadedContent
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.media_types import content_type_of
from audio_enhance._recording.source import Source, original_of
from audio_enhance._recording.spooled import reopened
from audio_enhance._video.kinds import is_video_type

from .entry import EntryState, JournalEntry
from .result_file import is_there


def revive(entry: JournalEntry) -> Source:
    """Return the source of a row: its file, or what was uploaded of it.

    Raises:
        InvalidSourceError: Neither is there any more.
        UnsupportedMediaTypeError: The API does not take such a type.
    """
    if is_url(entry.source):
        return _from_elsewhere(entry)
    path = Path(entry.source)
    filename = entry.filename
    if is_video_type(entry.content_type):
        return _video_of(path, filename)
    if path.is_absolute() and path.exists():
        return Source.from_path(
            path, content_type=entry.content_type, filename=filename, check_type=False
        )
    not_uploaded = InvalidSourceError("The data was not uploaded before the earlier run ended.")
    if (fingerprint := fingerprint_of(entry)) is None:
        raise not_uploaded
    if filename is None:  # written by a version that did not keep it
        filename = path.name if path.is_absolute() else entry.source.rpartition(" (")[0]
    content_type = entry.content_type
    if entry.spooled is not None:
        try:
            return _kept_source(
                Path(entry.spooled), filename, fingerprint, content_type=content_type
            )
        except InvalidSourceError:
            if entry.asset_id is None:
                raise
    if entry.asset_id is None:
        raise not_uploaded
    return _uploaded_source(
        filename,
        fingerprint,
        content_type=content_type,
        path=path if path.is_absolute() else None,
    )


def _from_elsewhere(entry: JournalEntry) -> Source:
    """Return a source that lay elsewhere: what is there now, or what was uploaded of it."""
    url, name, kind = entry.source, entry.filename, entry.content_type
    if is_video_type(kind):
        return Source.from_video(
            Source.from_url(url, content_type=kind, filename=name, check_type=False)
        )
    source = Source.from_url(url, content_type=kind, filename=name, check_type=False)
    uploaded = fingerprint_of(entry)
    if entry.asset_id is None or uploaded is None:
        return source
    try:
        gone = original_of(source).content.look() is None
    except AudioEnhanceError:
        gone = False  # its job will meet the same, and say so
    return (
        _uploaded_source(source.filename, uploaded, content_type=kind, url=url) if gone else source
    )


def fingerprint_of(entry: JournalEntry) -> Fingerprint | None:
    """Return what identifies the content that a row is about, if it is known."""
    if entry.md5 is None or entry.byte_size is None:
        return None
    return Fingerprint(entry.byte_size, bytes.fromhex(entry.md5))


def _video_of(path: Path, filename: str | None) -> Source:
    """Return a video again: what was uploaded of it is its sound alone."""
    if path.is_absolute() and path.exists():
        return Source.from_video(path, filename=filename)
    raise InvalidSourceError("The video is gone, and a result cannot be put back into it.")


async def left_of(entry: JournalEntry, source: Source) -> Source | None:
    """Return what was uploaded of a file that is gone before its work was done, if it was."""
    begun = entry.state != EntryState.SUCCEEDED and entry.asset_id is not None
    if not begun or source.place is None:
        return None
    try:
        if await is_still_there(source):
            return None
        return await to_its_end(partial(revive, entry))
    except AudioEnhanceError:
        return None  # the job will meet the same, and say so


async def is_still_there(source: Source) -> bool:
    """Whether the file of a source still lies where it did; raises as `Original.look` does."""
    if source.path is not None:  # a link that leads nowhere is a file that was not moved away
        return await to_its_end(partial(is_there, str(source.path)))
    return await original_of(source).look() is not None


def _uploaded_source(
    filename: str,
    fingerprint: Fingerprint,
    *,
    content_type: str | None = None,
    path: Path | None = None,
    url: str | None = None,
) -> Source:
    """Return a source of data that only the server has any more, from an earlier run.

    Args:
        filename: The name under which the API knows it.
        fingerprint: What it was when it was uploaded.
        content_type: The content type that was sent.
        path: Where it was, if it was a file: its result lies where that file's belongs.
        url: Where it was elsewhere.
    """
    kind = content_type_of(filename, content_type, check=False)
    return Source(filename, kind, path, UploadedContent(fingerprint), url=url)


def _kept_source(
    path: Path, filename: str, fingerprint: Fingerprint, *, content_type: str | None = None
) -> Source:
    """Return a source of data that an earlier run kept; blocks.

    Raises:
        InvalidSourceError: It is not there, or it is not what was kept.
    """
    kind = content_type_of(filename, content_type, check=False)
    return Source(filename, kind, None, reopened(path, fingerprint))
