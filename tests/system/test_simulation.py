"""Histories drawn from seeds: whatever happens, everything is there, right, and paid once.

The same seed is the same history, so that what fails once can be looked at as often as needed. A
seed that fails is run again with `pytest tests/system/test_simulation.py -k "[17]"`, and more of
them with `AUDIO_ENHANCE_TEST_SEEDS=2000`.
"""

import os
from pathlib import Path

import pytest

from .simulation import simulate

SEEDS = int(os.environ.get("AUDIO_ENHANCE_TEST_SEEDS", "50"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_recording_has_its_result_and_is_paid_for_once(seed: int, tmp_path: Path) -> None:
    simulate(seed, tmp_path / "run")


@pytest.mark.parametrize("seed", [0, 2, 6])
def test_the_same_seed_is_the_same_history(seed: int, tmp_path: Path) -> None:
    first = simulate(seed, tmp_path / "first" / "run")
    assert simulate(seed, tmp_path / "again" / "run") == first
    assert len(first) > 100
