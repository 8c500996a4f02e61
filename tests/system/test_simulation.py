"""Histories drawn from seeds: whatever happens, everything is there, right, and paid once.

A seed that fails is run again with `pytest tests/system/test_simulation.py -k "[17]"`, and more of
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
