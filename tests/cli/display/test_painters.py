"""Which painter shows a run."""

import io
import sys

import pytest
from rich.console import Console

from audio_enhance.cli.display.painters import is_redrawn


@pytest.mark.parametrize(
    ("terminal", "quiet", "prints", "beside", "redrawn"),
    [
        (True, False, False, False, True),
        (False, False, False, False, False),
        (True, True, False, False, False),
        # Lines on standard output tear what is redrawn only where both are one terminal.
        (True, False, True, False, True),
        (True, False, True, True, False),
    ],
)
def test_only_a_terminal_that_nothing_else_writes_to_is_redrawn(
    terminal: bool,
    quiet: bool,
    prints: bool,
    beside: bool,
    redrawn: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: beside)
    console = Console(file=io.StringIO(), force_terminal=terminal, _environ={"TERM": "xterm"})
    assert is_redrawn(console, prints=prints, quiet=quiet) is redrawn
