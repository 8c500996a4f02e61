import os
import threading
from pathlib import Path

import pytest

from audio_enhance._core.file_lock import has_name, lock, try_lock


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


def test_the_next_one_waits_and_sees_whether_its_file_is_still_there(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for _ in range(2))
    try:
        lock(first)
        assert has_name(first, path)
        waiting = threading.Thread(target=lock, args=[second])
        waiting.start()
        path.unlink()
        os.close(first)
        waiting.join()
        assert not has_name(second, path)
        path.touch()
        assert not has_name(second, path)  # that is another one
    finally:
        os.close(second)
