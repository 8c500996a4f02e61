"""The page about the architecture says what the code is."""

import re
from pathlib import Path

import pytest

from tests.packaging.test_structure import FLOORS, PACKAGE

pytestmark = pytest.mark.once

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
NAMED = set(re.findall(r"_[a-z]+(?:/[a-z_]+)*\.py", PAGE))


@pytest.mark.parametrize("name", sorted(NAMED))
def test_what_it_names_is_there(name: str) -> None:
    assert (PACKAGE / name).is_file()


def test_every_module_of_the_core_has_its_place_in_it() -> None:
    core = {path for path in PACKAGE.glob("_*/*.py") if path.name != "__init__.py"}
    core |= {PACKAGE / "_client.py", PACKAGE / "_settings.py"}
    assert {str(path.relative_to(PACKAGE)) for path in core} == NAMED


def test_the_floors_are_those_that_are_enforced() -> None:
    picture = PAGE.split("```")[1]
    rooms = [
        {room for room in re.split(r" {3}", line[:37].strip()) if room}
        for line in picture.splitlines()
        if line and not line.startswith("─")
    ]
    expected = [set(floor) - {"_version", "__main__"} for floor in reversed(FLOORS)]
    assert rooms == [floor for floor in expected if floor]


def test_the_folders_of_the_local_service_are_named() -> None:
    folders = {path.name for path in (PACKAGE / "local").iterdir() if path.is_dir()}
    named = set(re.findall(r"`local/(\w+)`", PAGE))
    assert named == folders - {"__pycache__"}
