"""The page for troubleshooting has every message that the library and the command can end with."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import audio_enhance

pytestmark = pytest.mark.once

PACKAGE = Path(audio_enhance.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "troubleshooting.md").read_text()
# The local service, its cluster and the page have pages of their own.
ELSEWHERE = {"local", "dask", "web", "integrations"}
# Mistakes of a program, or what never reaches anybody.
OTHERS = {"ValueError", "TypeError", "AttributeError", "AssertionError", "DamagedError"}
# And one whose words are those of its class.
INTERNAL = {"JobCancelledError", "ResultAwayError", "MissingExtraError"}
_FEWEST_LETTERS = 6  # of a message that is not put together of others alone


def said(text: ast.expr) -> Iterator[str]:
    """Yield what a message says, with `…` for what differs."""
    match text:
        case ast.Constant(value=str(plain)):
            yield plain
        case ast.JoinedStr(values=parts):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from said(one)
            yield from said(other)
        case _:
            pass


def messages(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        function = node.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        is_error = name.endswith("Error") and name not in OTHERS | INTERNAL
        if is_error or (name == "__init__" and module.name == "errors.py"):
            for text in said(node.args[0]):
                if len(text.replace("…", "").strip(" :.")) >= _FEWEST_LETTERS:
                    yield text


@cache
def all_messages() -> dict[str, str]:
    """Return every message with the module that it is in."""
    modules = {path: path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py"))}
    return {
        text: str(name)
        for path, name in modules.items()
        if name.parts[0] not in ELSEWHERE
        for text in messages(path)
    }


def test_every_message_is_on_the_page() -> None:
    lacking = {text: module for text, module in all_messages().items() if text not in PAGE}
    assert not lacking, f"docs/troubleshooting.md lacks {lacking}"


def test_no_message_is_on_the_page_that_there_is_not() -> None:
    listed = {line[2:].strip("`") for line in PAGE.splitlines() if line.startswith("- `")}
    assert listed <= set(all_messages()), f"nothing says {sorted(listed - set(all_messages()))}"
