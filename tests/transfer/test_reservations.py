"""Places that results under way are going to have."""

from pathlib import Path

import pytest

from audio_enhance import OutputExistsError
from audio_enhance._transfer.output_folder import OutputFolder
from audio_enhance._transfer.reservations import Reservations


def test_another_call_hears_that_a_place_is_taken_until_it_is_given_back(tmp_path: Path) -> None:
    reservations, one, other = Reservations(), OutputFolder(tmp_path), OutputFolder(tmp_path)
    place = tmp_path / "talk-enhanced-93p.mp3"
    first = reservations.reserve(place, one)
    second = reservations.reserve(place, one)  # the names of one call are its own concern
    for given in (first, second):
        with pytest.raises(OutputExistsError, match="Another job"):
            reservations.reserve(place, other)
        reservations.release(given)
    reservations.release(reservations.reserve(place, other))
    assert not reservations._owners


@pytest.mark.parametrize("name", ["Talk-enhanced-93p.mp3", "./x/../talk-enhanced-93p.mp3"])
def test_other_spellings_of_one_place_are_that_place(tmp_path: Path, name: str) -> None:
    reservations = Reservations()
    reservations.reserve(tmp_path / "talk-enhanced-93p.mp3", OutputFolder(tmp_path))
    with pytest.raises(OutputExistsError):
        reservations.reserve(Path(f"{tmp_path}/{name}"), OutputFolder(tmp_path))
