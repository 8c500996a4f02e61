"""Places that results under way are going to have."""

from pathlib import Path

import pytest

from audio_enhance import OutputExistsError
from audio_enhance._transfer.claims import Claims
from audio_enhance._transfer.output_folder import OutputFolder


def test_another_call_hears_that_a_place_is_taken_until_it_is_given_back(tmp_path: Path) -> None:
    claims, one, other = Claims(), OutputFolder(tmp_path), OutputFolder(tmp_path)
    place = tmp_path / "talk-enhanced-93p.mp3"
    claims.claim(place, one)
    claims.claim(place, one)  # the names of one call are its own concern
    for _ in range(2):
        with pytest.raises(OutputExistsError, match="another job"):
            claims.claim(place, other)
        claims.release(place)
    claims.claim(place, other)
    claims.release(place)
    assert not claims._owners


@pytest.mark.parametrize("name", ["Talk-enhanced-93p.mp3", "./x/../talk-enhanced-93p.mp3"])
def test_other_spellings_of_one_place_are_that_place(tmp_path: Path, name: str) -> None:
    claims = Claims()
    claims.claim(tmp_path / "talk-enhanced-93p.mp3", OutputFolder(tmp_path))
    with pytest.raises(OutputExistsError):
        claims.claim(Path(f"{tmp_path}/{name}"), OutputFolder(tmp_path))
