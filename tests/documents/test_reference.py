"""The reference has every public name, and nothing else."""

import importlib
import pkgutil
import re
from pathlib import Path

import audio_enhance

PAGES = Path(__file__).parents[2] / "docs" / "reference"
# What these export is said on their own: commands and pages have no names for programs.
WITHOUT_NAMES = ("cli", "web", "__main__", "pytest_plugin")


def public_names() -> set[str]:
    """Every name of every `__all__` of a module that can be imported by public names alone."""
    found = {f"audio_enhance.{name}" for name in audio_enhance.__all__}
    for module in pkgutil.walk_packages(audio_enhance.__path__, "audio_enhance."):
        parts = module.name.split(".")[1:]
        if parts[0] in WITHOUT_NAMES or any(part.startswith("_") for part in parts):
            continue
        names = getattr(importlib.import_module(module.name), "__all__", ())
        found |= {f"{module.name}.{name}" for name in names}
    return found


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(page.read_text() for page in PAGES.glob("*.md"))
    named = re.findall(r"^\.\. auto(?:class|function|data):: (\S+)$", text, re.MULTILINE)
    assert len(named) == len(set(named))
    missing = public_names() - set(named) - {"audio_enhance.__version__"}
    assert not missing
    for name in named:
        module, _, last = name.rpartition(".")
        assert getattr(importlib.import_module(module), last, None) is not None, name
