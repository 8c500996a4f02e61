import wave
from pathlib import Path

import pytest

from audio_enhance.cli.input import lengths
from audio_enhance.cli.input.lengths import seconds_of


def test_a_recording_tells_how_long_it_lasts(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "concat:a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 12000))
    assert seconds_of(tmp_path / "concat:a.wav") == 1.5


def test_what_is_no_recording_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF nothing")
    (tmp_path / "list.mp3").write_text("#EXTM3U\na.wav\n")
    for name in ("a.wav", "list.mp3", "missing.wav"):
        assert seconds_of(tmp_path / name) is None


def test_without_pyav_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> None:
        return None

    monkeypatch.setattr(lengths, "find_spec", nothing)
    assert not lengths.can_tell()
    assert seconds_of(tmp_path / "a.wav") is None
