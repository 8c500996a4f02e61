from typing import Any

import pytest

from audio_enhance.cli.reporting import facts

from .support import failed, row, side

SILENT = side(-120.0, speech_level=-120.0, loudness=-70.0, true_peak=None)


def test_an_error_is_taken_apart() -> None:
    for source, error, told in (
        ("/a/b.wav", "b.wav: Bad. [phase upload, asset 1] Mend it.", ("Bad.", "Mend it.")),
        ("/a/b.wav", "./a/b.wav: Bad: it is.", ("Bad: it is.", "")),
        ("/a/b.wav", "Not started: no.", ("Not started: no.", "")),
        ("/a/b.wav", "Bad [1, 2]. [request r] x", ("Bad [1, 2].", "x")),
        ("/a/b.wav", "", ("No reason was recorded.", "")),
    ):
        row = failed(source, error)
        assert (facts.reason(row), facts.hint(row)) == told
    row = failed("b.wav", "b.wav: Bad. Mend it.", hint="Mend it.")
    assert (facts.reason(row), facts.hint(row)) == ("Bad.", "Mend it.")


@pytest.mark.parametrize(
    ("before", "after", "removed", "why"),
    [
        (side(-40.0), side(-70.0), 30.0, ""),
        (side(-40.0), side(-41.0), 1.0, ""),
        # Loud noise, above which speech is by so little before, is noise in pauses all the same.
        (side(-24.0), side(-60.0), 36.0, ""),
        # A level that 16 bits cannot hold says nothing of how much less it is.
        (side(-40.0), side(-120.0), 60.0, ""),
        (side(-40.0), side(-39.0), -1.0, ""),
        (SILENT, side(-89.0, speech_level=-80.0), None, "The recording is silent."),
        (SILENT, SILENT, None, "The recording is silent."),
        (side(-81.0), side(-60.0), None, "There was no noise in the pauses."),
        (
            side(-21.0),
            side(-80.0, speech_level=-75.0),
            None,
            "There are no pauses to measure the noise in.",
        ),
        (side(-40.0), {"trouble": "gone"}, None, ""),
        (None, None, None, ""),
    ],
)
def test_no_figure_is_told_of_what_is_not_there(
    before: Any, after: Any, removed: float | None, why: str
) -> None:
    result = row("a.wav", before=before, after=after)
    assert (facts.noise_removed(result), facts.why_no_figure(result)) == (removed, why)


def test_silence_has_no_level() -> None:
    names = ("noise_floor", "speech_level", "above", "loudness", "true_peak")
    assert [facts.figure(SILENT, name) for name in names] == [None] * 5
    assert facts.figure(SILENT, "duration") == 60.0
    quiet_pauses = side(-110.0, loudness=-69.0)
    told = [facts.figure(quiet_pauses, name) for name in names]
    assert told == [None, -20.0, None, -69.0, -3.0]
