"""What a run would do, decided from what the journal and the disk say."""

import pytest

from audio_enhance import Earlier, EntryState, JournalEntry
from audio_enhance.cli.pacing.forecast import Action, Forecast, Foreseen, foresee, is_uploaded


def entry(state: EntryState, **known: str) -> JournalEntry:
    return JournalEntry(source="/a.wav", strength=93, state=state, **known)  # type: ignore[arg-type]


def job(source: str, action: Action, **facts: object) -> Foreseen:
    return Foreseen(source=source, strength=93, action=action, byte_size=10, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "earlier", "redo", "expected"),
    [
        (None, Earlier.NONE, False, (Action.ENHANCE, "")),
        (EntryState.QUEUED, Earlier.NONE, False, (Action.ENHANCE, "")),
        (EntryState.FAILED, Earlier.NONE, False, (Action.ENHANCE, "failed before")),
        (EntryState.SUBMITTED, Earlier.NONE, False, (Action.FETCH, "an earlier run asked for it")),
        (EntryState.SUCCEEDED, Earlier.NONE, False, (Action.ENHANCE, "")),  # another recording
        (EntryState.SUCCEEDED, Earlier.WHOLE, False, (Action.SKIP, "done before")),
        (EntryState.SUCCEEDED, Earlier.WHOLE, True, (Action.FETCH, "done before")),
        (
            EntryState.SUCCEEDED,
            Earlier.CHANGED,
            False,
            (Action.SKIP, "its result was changed since"),
        ),
        (
            EntryState.SUCCEEDED,
            Earlier.AWAY,
            False,
            (Action.FETCH, "its result was moved or removed"),
        ),
    ],
)
def test_what_is_done_follows_from_what_is_known(
    known: EntryState | None, earlier: Earlier, redo: bool, expected: tuple[Action, str]
) -> None:
    found = None if known is None else entry(known)
    assert foresee(found, earlier, "", redo=redo) == expected
    assert foresee(found, earlier, "It is empty.", redo=redo) == (Action.REFUSE, "It is empty.")


def test_only_an_asset_that_is_ready_was_uploaded() -> None:
    assert is_uploaded(entry(EntryState.UPLOADED, asset_id="a"))
    assert not is_uploaded(entry(EntryState.UPLOADING, asset_id="a"))
    assert not is_uploaded(entry(EntryState.UPLOADED))
    assert not is_uploaded(None)


def test_strengths_share_an_upload_and_only_work_to_do_costs() -> None:
    forecast = Forecast.of(
        [
            job("a", Action.ENHANCE, seconds=2.0),
            job("a", Action.ENHANCE, seconds=2.0),
            job("b", Action.ENHANCE, uploaded=True),
            job("c", Action.FETCH, seconds=1.0),
            job("d", Action.SKIP, seconds=9.0),
            job("e", Action.REFUSE),
        ]
    )
    assert forecast.creations == 2 + 1 + 1
    assert (forecast.space, forecast.audio_seconds, forecast.untold) == (40, 5.0, 1)


def test_the_limit_of_creations_makes_it_last() -> None:
    assert Forecast(creations=100).least_seconds == 0.0
    assert Forecast(creations=101).least_seconds == 60.0
    assert Forecast(creations=20_000).least_seconds == 199 * 60.0
