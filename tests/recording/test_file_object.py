"""Open files as sources: read from where they stand, and not closed."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiofiles
import pytest

from audio_enhance import InvalidSourceError, Source, UnsupportedMediaTypeError

DATA = b"ID3" + bytes(range(256)) * 2000


class Upload:
    """As a web framework's: with a name of its own, and read by awaiting."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self._file = io.BytesIO(DATA)

    async def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp3"
    path.write_bytes(DATA)
    return path


async def test_a_file_has_a_name(talk: Path) -> None:
    with talk.open("rb") as file:
        async with await Source.from_file(file) as source:
            assert (source.filename, source.content_type) == ("talk.mp3", "audio/mpeg")
            assert await source.read() == DATA
        assert not file.closed


async def test_data_in_memory_says_what_it_is() -> None:
    async with await Source.from_file(io.BytesIO(DATA)) as source:
        assert source.filename == "recording.mp3"
        assert await source.read() == DATA
    async with await Source.from_file(io.BytesIO(DATA), filename="a/talk.mp3") as source:
        assert source.filename == "talk.mp3"


async def test_what_was_read_before_is_left_out() -> None:
    file = io.BytesIO(b"a letter" + DATA)
    file.seek(8)
    async with await Source.from_file(file) as source:
        assert await source.read() == DATA


async def test_a_file_that_is_awaited(talk: Path) -> None:
    async with aiofiles.open(talk, "rb") as file:
        async with await Source.from_file(file) as source:
            assert source.filename == "talk.mp3"
            assert await source.read() == DATA
        assert not file.closed


async def test_an_upload_of_a_web_framework() -> None:
    async with await Source.from_file(Upload("his talk.mp3")) as source:
        assert source.filename == "his talk.mp3"
        assert await source.read() == DATA


async def test_a_number_is_no_name(talk: Path) -> None:
    with talk.open("rb") as named, open(named.fileno(), "rb", closefd=False) as file:
        async with await Source.from_file(file) as source:
            assert source.filename == "recording.mp3"


def _closed() -> io.BytesIO:
    file = io.BytesIO(DATA)
    file.close()
    return file


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: io.StringIO("RIFF"), InvalidSourceError, 'open(path, "rb")'),
        (_closed, InvalidSourceError, "cannot be read"),
        (lambda: io.BytesIO(b"no mark of any format"), UnsupportedMediaTypeError, "recording"),
        (io.BytesIO, InvalidSourceError, "read to its end"),
    ],
    ids=["text", "closed", "unknown", "empty"],
)
async def test_what_cannot_be_used(
    make: Callable[[], Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=re.escape(says)):
        await Source.from_file(make())


async def test_an_empty_file_with_a_name() -> None:
    with pytest.raises(InvalidSourceError):
        await Source.from_file(io.BytesIO(), filename="talk.mp3")
