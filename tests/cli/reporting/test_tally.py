from pathlib import Path

from audio_enhance.cli.reporting.tally import Tally

from .support import failed, row, side


def test_everything_is_counted() -> None:
    tally = Tally()
    assert (tally.recordings, tally.usual_noise_removed, tally.root) == (0, None, "")
    for each in (
        row("/r/a/x.wav"),
        row("/r/a/x.wav", strength=5, status="skipped", after=side(-41.0)),
        row("/r/b/y.wav", after={"trouble": "gone"}),
        row("/r/b/z.wav", after=side(-45.0)),
        failed("/r/c.wav", "Bad."),
    ):
        tally.add(each)
    assert tally.counts == {"succeeded": 3, "skipped": 1, "failed": 1}
    assert (tally.recordings, tally.seconds, tally.usual_noise_removed) == (4, 240.0, 5.0)
    assert Path(tally.root) == Path("/r")
