import io
import json

from audio_enhance.cli.reporting import document
from audio_enhance.cli.reporting.head import Head

from .support import BEGAN, ENDED, row, side


def test_figures_are_told_and_pictures_are_not() -> None:
    file = io.StringIO()
    rows = [row("a.wav", before=side(-40.0, true_peak=None), after={"trouble": "gone"})]
    document.write(file, Head(began=BEGAN, ended=ENDED, totals={"failed": 0}), rows)
    [told] = json.loads(file.getvalue())["outcomes"]
    assert told["before"] == {
        "duration": 60.0,
        "noise_floor": -40.0,
        "speech_level": -20.0,
        "loudness": -23.0,
        "true_peak": None,
    }
    assert told["after"] == {"trouble": "gone"}
