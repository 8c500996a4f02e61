import re
from pathlib import Path

import pytest

from audio_enhance.cli.commands.demo import compare
from audio_enhance.local.enhancer import Figures, demo_recording, measure
from tests.cli.support import Command

FIGURES = {
    "duration": 10.0,
    "loudness": -20.0,
    "true_peak": -3.0,
    "noise_floor": -30.0,
    "speech_level": -17.0,
}


async def test_the_demo_leaves_a_cleaner_file_and_says_so(alone: Command, tmp_path: Path) -> None:
    run = await alone("demo", "--output-dir", "out")

    assert run.status == 0
    steps = [line.split()[1] for line in run.err.splitlines() if line[:1].isdigit()]
    assert steps == ["Token", "Asset", "Upload", "Enhancement", "Poll", "Download"]
    said = re.search(
        r"The noise in the pauses fell by (\d+\.\d) dB, and the speech kept its level within "
        r"(\d\.\d) dB\.",
        " ".join(run.out.split()),
    )
    assert said is not None
    assert float(said[1]) >= 20
    assert float(said[2]) <= 3
    before, after = (tmp_path / line.split()[1] for line in run.out.splitlines()[-2:])
    assert before.read_bytes() == demo_recording().read_bytes()
    assert after.name == "noisy-speech-enhanced-93p.mp3"
    one, other = measure(before), measure(after)
    assert 8 < one.duration < 12
    assert other.duration == one.duration
    assert other.noise_floor < one.noise_floor - 20
    assert other.speech_level == pytest.approx(one.speech_level, abs=3)
    assert other.speech_to_noise > one.speech_to_noise + 15


@pytest.mark.parametrize(
    ("noise", "speech", "status"),
    [(-50.0, -18.0, 0), (-50.0, -21.0, 1), (-50.0, -13.0, 1), (-35.0, -17.0, 1), (-20.0, -17.0, 1)],
)
def test_a_result_that_is_not_better_is_a_failure(
    noise: float, speech: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    after = Figures(**FIGURES | {"noise_floor": noise, "speech_level": speech})
    assert compare(Path("a.mp3"), Path("b.mp3"), Figures(**FIGURES), after) == status
    assert ("is not better" in " ".join(capsys.readouterr().out.split())) == bool(status)
