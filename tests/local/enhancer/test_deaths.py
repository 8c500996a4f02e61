"""Recordings that make the process that works on them end."""

from pathlib import Path

import pytest

from audio_enhance.local.enhancer import WorkerDiedError
from audio_enhance.local.enhancer import deaths as module
from audio_enhance.local.enhancer.deaths import Deaths

CAUSE = WorkerDiedError("It ended (killed by SIGSEGV).", hint="Convert it.")


async def test_it_is_tried_once_and_no_more_under_any_name(tmp_path: Path) -> None:
    recording, again, other = (tmp_path / name for name in ("recording", "again", "other"))
    for path, data in ((recording, b"deadly"), (again, b"deadly"), (other, b"harmless")):
        path.write_bytes(data)
    deaths = Deaths()
    await deaths.check(recording)
    await deaths.note(recording, CAUSE)
    for path in (recording, again):
        with pytest.raises(WorkerDiedError, match=r"SIGSEGV.*It is not tried again") as caught:
            await deaths.check(path)
        assert caught.value.hint == "Convert it."
    await deaths.check(other)


async def test_a_recording_that_is_gone_is_for_others_to_miss(tmp_path: Path) -> None:
    deaths = Deaths()
    await deaths.note(tmp_path / "gone", CAUSE)
    await deaths.check(tmp_path / "gone")


async def test_only_so_many_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    deaths = Deaths()
    paths = [tmp_path / str(number) for number in range(3)]
    for path in paths:
        path.write_bytes(path.name.encode())
        await deaths.note(path, CAUSE)
    await deaths.check(paths[0])
    for path in paths[1:]:
        with pytest.raises(WorkerDiedError):
            await deaths.check(path)
