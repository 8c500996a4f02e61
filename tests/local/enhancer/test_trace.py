"""The guard after the level was made up."""

import pytest

from audio_enhance.local.enhancer.makeup import Heard
from audio_enhance.local.enhancer.trace import guarded

from .test_makeup import PAUSE, SPEECH, part


def share(*parts: Heard) -> float:
    """The share of the original at the end, where the network left nothing of it in phase."""
    *_, (original, heard) = guarded(parts)
    removed = original - parts[-1].clean
    return float(((heard - parts[-1].clean) / removed)[0, -1])


@pytest.mark.parametrize(("loss", "least"), [(0.1, 0.005), (2, 0.005), (6, 0.1), (40, 0.1)])
def test_a_trace_stays_and_more_where_speech_was_lost(loss: float, least: float) -> None:
    assert share(part(2, loss=loss, above=SPEECH)) == pytest.approx(least, abs=0.003)


def test_pure_noise_does_not_come_back() -> None:
    assert share(part(20, loss=40, above=PAUSE)) == pytest.approx(0.005, abs=1e-4)
