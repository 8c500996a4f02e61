"""What the server has and does not see yet, or has already: no reason to end a job."""

from pathlib import Path
from typing import Any

import pytest

from audio_enhance import RetryPolicy
from audio_enhance.local import Behaviour, Fault
from tests.conftest import Connect
from tests.support.results import expected

LAGS: dict[str, dict[str, Any]] = {
    "found after a while": {"visible_lag": 3.0},
    "enhanceable after a while": {"enhanceable_lag": 3.0},
    "a url after a while": {"result_lag": 3.0},
    "all of it": {"visible_lag": 2.0, "enhanceable_lag": 2.0, "result_lag": 2.0, "ready_lag": 2.0},
}
# Twelve tries take longer than any of these lags.
PATIENT = RetryPolicy(attempts=12)
versions = pytest.mark.parametrize("version", ["v1", "v2"])


@versions
@pytest.mark.parametrize("lags", LAGS.values(), ids=LAGS)
async def test_what_is_not_seen_yet_is_asked_for_again(
    connect: Connect, recording: Path, tmp_path: Path, lags: dict[str, Any], version: Any
) -> None:
    world = await connect(behaviour=Behaviour(**lags), api_version=version, retry=PATIENT)
    result = await world.client.enhance(recording, strength=93, output_dir=tmp_path / "out")
    assert result.path.read_bytes() == expected(recording)
    assert result.extra_enhancements == 0


@versions
async def test_an_enhancement_whose_answer_was_lost_is_made_of_another_asset(
    connect: Connect, recording: Path, tmp_path: Path, version: Any
) -> None:
    world = await connect(behaviour=Behaviour(refuse_repeats=True), api_version=version)
    world.service.faults.script(Fault.RESET_AFTER, route="POST /speech_enhancements")
    result = await world.client.enhance(recording, strength=93, output_dir=tmp_path / "out")
    assert result.path.read_bytes() == expected(recording)
    assert result.extra_enhancements == 1
    assert world.service.count("PUT /object") == 2
