"""The folder of a service, and those of services that were killed."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.local.serving.folder import TemporaryFolder, remove_leftovers

# A process with a folder, which it tells the name of before it waits to be killed.
OWNER = """
import sys, time
from audio_enhance.local.serving.folder import TemporaryFolder
folder = TemporaryFolder()
(folder.path / "objects").mkdir()
(folder.path / "objects" / "recording").write_bytes(b"recording")
print(folder.path, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for temporary files that nobody else uses."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def owner() -> "tuple[subprocess.Popen[str], Path]":
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_it_is_gone_when_it_is_removed(tmp_path: Path) -> None:
    folder = TemporaryFolder()
    assert folder.path.parent == tmp_path
    (folder.path / "recording").write_bytes(b"recording")
    remove_leftovers()
    assert (folder.path / "recording").exists()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays() -> None:
    (killed, left), (living, kept) = owner(), owner()
    try:
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert (left / "objects" / "recording").exists()
        remove_leftovers()
        assert not left.exists()
        assert (kept / "objects" / "recording").exists()
    finally:
        living.kill()
        living.communicate()


def test_what_is_none_of_ours_stays(tmp_path: Path) -> None:
    somebodys = tmp_path / "audio-enhance-somebodys"  # has no lock: not made here
    somebodys.mkdir()
    (somebodys / "recording").write_bytes(b"recording")
    just_made = tmp_path / "audio-enhance-new"  # its maker is about to lock it
    just_made.mkdir()
    (just_made / "lock").touch()
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "lock").write_bytes(b"locked\n")
    (tmp_path / "audio-enhance-link").symlink_to(target)
    (tmp_path / "audio-enhance-file").write_bytes(b"locked\n")
    before = sorted(tmp_path.rglob("*"))
    remove_leftovers()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give")
def test_what_another_user_owns_stays(tmp_path: Path) -> None:
    theirs = tmp_path / "audio-enhance-theirs"
    theirs.mkdir()
    (theirs / "lock").write_bytes(b"locked\n")
    os.chown(theirs, 12345, 12345)
    remove_leftovers()
    assert theirs.exists()
    os.chown(theirs, os.getuid(), os.getgid())
    remove_leftovers()
    assert not theirs.exists()


async def test_a_service_removes_what_others_left_and_leaves_nothing(tmp_path: Path) -> None:
    killed, left = owner()
    killed.kill()
    killed.communicate()
    async with LocalService(enhancer=Rehearsal()):
        assert not left.exists()
        (folder,) = tmp_path.iterdir()
        remove_leftovers()
        assert folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_services_start_while_others_look_for_what_is_left() -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            remove_leftovers()

    other = threading.Thread(target=look)
    other.start()
    try:
        for _ in range(300):
            folder = TemporaryFolder()
            assert folder.path.exists()
            folder.remove()
    finally:
        over.set()
        other.join()
