import base64
import hashlib
import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance._recording.fingerprint import _BUFFER_BYTES, Fingerprint, digest


def test_the_checksum_is_written_as_openssl_and_base64_write_it() -> None:
    # openssl dgst -md5 -binary | base64, as in the guide, for the empty file and "abc"
    assert Fingerprint(0, hashlib.md5(b"").digest()).checksum == "1B2M2Y8AsgTpgAmY7PhCfg=="
    assert Fingerprint(3, hashlib.md5(b"abc").digest()).checksum == "kAFQmDzST7DWlj99KOF/cg=="


class Stingy(io.RawIOBase):
    """Gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        return self._data.readinto(buffer[: self._step])


@given(st.binary(max_size=2000), st.integers(1, 300))
def test_the_digest_is_md5_however_the_bytes_come(data: bytes, step: int) -> None:
    length, md5 = digest(Stingy(data, step), threading.Event())
    assert (length, md5) == (len(data), hashlib.md5(data).digest())


@pytest.mark.parametrize("length", [0, 1, _BUFFER_BYTES - 1, _BUFFER_BYTES, _BUFFER_BYTES + 1])
def test_lengths_around_the_buffer(length: int) -> None:
    data = bytes(length)
    found, md5 = digest(Stingy(data, 1 << 30), threading.Event())
    assert found == length
    assert base64.b64encode(md5) == base64.b64encode(hashlib.md5(data).digest())


def test_nobody_waits_for_a_digest_that_was_cancelled() -> None:
    cancelled = threading.Event()
    cancelled.set()
    assert digest(Stingy(bytes(100), 1), cancelled)[0] == 0
