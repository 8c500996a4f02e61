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
    assert (told["noise_removed"], told["noise_removed_note"]) == (None, None)


def test_where_there_is_no_figure_it_says_why() -> None:
    file = io.StringIO()
    unmeasured = {name: value for name, value in row("b.wav").items() if name != "before"}
    del unmeasured["after"]
    rows = [row("a.wav", before=side(-120.0), after=side(-89.0)), row("c.wav"), unmeasured]
    document.write(file, Head(began=BEGAN, ended=ENDED, totals={}), rows)
    silent, noisy, left = json.loads(file.getvalue())["outcomes"]
    assert silent["before"]["noise_floor"] is None
    assert silent["noise_removed"] is None
    assert silent["noise_removed_note"] == "There was no noise in the pauses."
    assert (noisy["noise_removed"], noisy["noise_removed_note"]) == (30.0, None)
    assert "noise_removed" not in left
