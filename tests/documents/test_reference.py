"""The reference has every public name, and nothing else."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import FunctionType

import pytest

import audio_enhance

pytestmark = pytest.mark.once

PAGES = Path(__file__).parents[2] / "docs" / "reference"
# What these export is said on their own: commands and pages have no names for programs.
WITHOUT_NAMES = ("cli", "web", "__main__", "pytest_plugin")


def public_names() -> set[str]:
    """Every name of every `__all__` of a module that can be imported by public names alone."""
    found = {f"audio_enhance.{name}" for name in vars(audio_enhance)["__all__"]}
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


CLASSES = [
    name
    for page in sorted(PAGES.glob("*.md"))
    for name in re.findall(r"^\.\. autoclass:: (\S+)$", page.read_text(), re.MULTILINE)
]


def attributes_of(kind: type) -> set[str]:
    """Return what completion shows of an object of ours: names of its class, and those it is given.

    What comes from elsewhere, as the attributes of an exception, is described there.
    """
    ours = [each for each in kind.__mro__ if each.__module__.startswith("audio_enhance")]
    names = {name for each in ours for name in vars(each)}
    for each in ours:
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(each)))):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {
                    target.attr
                    for target in targets
                    if isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id == "self"
                }
    return {name for name in names if not name.startswith("_")}


def described(kind: type, name: str) -> bool:
    """Whether an attribute has a docstring, or a line among the attributes of its class."""
    for each in kind.__mro__:
        lines = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        if re.search(rf"^    {name}: ", lines, re.MULTILINE):
            return True
    value = inspect.getattr_static(kind, name, None)
    if issubclass(kind, Enum) and name in kind.__members__:
        return True  # a member of an enum, which is shown with its value
    function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
    described = isinstance(function, FunctionType | property | cached_property)
    return described and bool(inspect.getdoc(function))


@pytest.mark.parametrize("name", CLASSES)
def test_every_attribute_that_completion_shows_is_described(name: str) -> None:
    module, _, last = name.rpartition(".")
    kind = getattr(importlib.import_module(module), last)
    assert {each for each in attributes_of(kind) if not described(kind, each)} == set()
