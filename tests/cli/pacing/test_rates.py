import pytest

from audio_enhance.cli.pacing.rates import Rates


def test_a_byte_of_mp3_lasts_longer_than_one_of_wav() -> None:
    rates = Rates()
    assert rates.seconds("a.mp3", 16_000) == pytest.approx(1.0)
    assert rates.seconds("a.WAV", 96_000) == pytest.approx(1.0)
    assert rates.seconds("a.mp3", 0) > 0


def test_recordings_tell_what_those_of_their_kind_have() -> None:
    rates = Rates()
    for seconds in (10.0, 10.0, 1000.0):  # one that is odd changes nothing
        rates.learn("a.mp3", 40_000, seconds)
    rates.learn("a.mp3", 40_000, 0.0)
    rates.learn("a.ogg", 40_000, 0.0)  # which tells nothing
    assert rates.knows("b.MP3")
    assert not rates.knows("b.ogg")
    assert rates.seconds("b.MP3", 8_000) == pytest.approx(2.0)
    assert rates.seconds("b.ogg", 16_000) == pytest.approx(1.0)
