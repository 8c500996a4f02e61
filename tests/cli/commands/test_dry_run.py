from pathlib import Path

import attrs

from audio_enhance.cli.commands.dry_run import _fields, _line, sentences
from audio_enhance.cli.pacing.forecast import Action, Forecast, Foreseen
from audio_enhance.local import LocalService
from tests.cli.commands.test_enhance import files_in, make
from tests.cli.support import Command


async def test_everything_is_told_and_nothing_is_sent(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "rec/a.wav", "rec/b.mp3", "rec/c.wma")
    (tmp_path / "rec/empty.wav").touch()
    run = await command("enhance", "rec", "nope.wav", "--dry-run")
    assert run.status == 1  # as the run would end
    assert run.out.splitlines() == [
        "enhance  rec/a.wav at 93, 454 B, audio/wav",
        "enhance  rec/b.mp3 at 93, 454 B, audio/mpeg",
        "refuse   rec/empty.wav at 93, 0 B, The file is empty.",
        "refuse   nope.wav at 93, 0 B, There is no such file.",
    ]
    assert "Left out 1 file: 1 .wma." in run.err
    assert "Nothing was sent. 4 results: 2 to make, 2 that would fail." in run.err
    assert "at most 4 creations" in run.err
    assert "Space: about 908 B" in run.err
    assert enhance_service.count("POST /token") == 0
    assert not (tmp_path / "enhanced").exists()


async def test_what_a_run_would_skip_is_told(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav")
    assert (await command("enhance", "a.wav")).status == 0
    before = files_in(tmp_path)

    run = await command("enhance", "a.wav", "b.wav", "--dry-run", "--json")
    assert run.status == 0
    assert [(line["source"], line["action"], line["why"]) for line in run.lines] == [
        ("a.wav", "skip", "done before"),
        ("b.wav", "enhance", None),
    ]
    assert list(run.lines[0]) == [
        *("source", "strength", "action", "why", "bytes", "seconds", "seconds_estimated"),
        "content_type",
    ]
    assert files_in(tmp_path) == before
    # Nor are credentials needed, since nobody is asked.
    again = await command("enhance", "a.wav", "--dry-run", "--redo", FIREFLY_SERVICES_CLIENT_ID="")
    assert again.out == "fetch    a.wav at 93, 254 B, audio/wav, done before\n"


async def test_a_report_has_nothing_to_say_of_it(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    run = await command("enhance", "a.wav", "--dry-run", "--report", "r.json")
    assert run.status == 2
    assert "--dry-run writes no report." in run.err


def test_a_length_that_is_estimated_is_said_to_be() -> None:
    known = Foreseen(source="a.wav", strength=93, action=Action.ENHANCE, seconds=60.0)
    guess = attrs.evolve(known, source="b.mp3", is_estimate=True)
    assert "0 B, 1 min" in _line(known).plain
    assert "0 B, about 1 min" in _line(guess).plain
    assert [_fields(job)["seconds_estimated"] for job in (known, guess)] == [False, True]
    for jobs, told in (([known], "Audio: 1 min."), ([known, guess], "Audio: about 2 min.")):
        assert told in sentences(Forecast.of(jobs), local=True, free=None)


def test_the_price_is_told_in_sentences() -> None:
    forecast = Forecast.of(
        [
            *(
                Foreseen(source=f"{n}", strength=93, action=Action.ENHANCE, seconds=60.0)
                for n in range(100)
            ),
            Foreseen(
                source="f", strength=93, action=Action.FETCH, byte_size=3_000_000, seconds=60.0
            ),
        ]
    )
    price = (
        "Cost: at most 200 creations (uploads and enhancements), and more if the server no longer "
        "has what is to fetch. The API's limit of 100 a minute makes that 1 min at least."
    )
    assert sentences(forecast, local=False, free=1_000_000) == [
        "Nothing was sent. 101 results: 100 to make, 1 to fetch.",
        "Audio: 1 h 41 min.",
        price,
        "Space: about 3.0 MB, but only 1.0 MB are free.",
    ]
    local = sentences(forecast, local=True, free=None)
    assert not any("Cost" in sentence for sentence in local)
    assert local[-1] == "Space: about 3.0 MB."
    assert sentences(Forecast(), local=False, free=5) == ["Nothing was sent. 0 results: 0 to make."]
