import os
from pathlib import Path

import pytest

from audio_enhance._core.file_lock import try_lock


def test_one_at_a_time_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for _ in range(2))
    try:
        try_lock(first)
        with pytest.raises(OSError, match=r".+"):
            try_lock(second)
        os.close(first)
        try_lock(second)
    finally:
        os.close(second)
