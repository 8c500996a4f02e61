"""The programs that some tests need, and what becomes of a test where one is missing.

Such a test is skipped with a reason that begins with "needs". Where `CI` is set it fails instead:
what CI leaves out, nobody checks. Every other skip is about the machine and stays one: root may
read and write everywhere, and other platforms have no named pipes, `/proc` or terminals.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

# Lines of a command and the Debian packages that bring it along; `.ci/run` installs them.
_PACKAGES = Path(__file__).with_name("packages.txt")
_NEEDS = "Skipped: needs "
# What pytest says for a package that a test can do without, as some sessions of nox do.
_UNIMPORTED = re.compile(r"Skipped: could not import '(\w+)")
_PACKAGE = re.compile(r"[\w-]+")


def packages() -> dict[str, list[str]]:
    """Return the Debian packages for each command."""
    lines = (line.split() for line in _PACKAGES.read_text().splitlines())
    return {command: names for command, *names in lines}


def needs(*commands: str) -> pytest.MarkDecorator:
    """Mark a test that runs these commands."""
    missing = [command for command in commands if shutil.which(command) is None]
    assert set(commands) <= set(packages())
    return pytest.mark.skipif(bool(missing), reason=f"needs {' '.join(missing)}")


def path_of(command: str) -> str:
    """Return where a command is, or skip the test that asks."""
    assert command in packages()
    path = shutil.which(command)
    return path or pytest.skip(f"needs {command}")


Report = pytest.TestReport | pytest.CollectReport


def _reason(report: Report) -> str:
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return ""
    _, _, reason = report.longrepr
    return reason


def missing(report: Report) -> str | None:
    """Return what a skipped test needs, if it was skipped for that."""
    reason = _reason(report)
    return reason.removeprefix(_NEEDS) if reason.startswith(_NEEDS) else None


def lacking(report: Report) -> str | None:
    """Return what a skipped test needs, or would compare with if it were there."""
    unimported = _UNIMPORTED.match(_reason(report))
    return unimported[1] if unimported else missing(report)


def fail_in_ci(report: Report) -> None:
    """Make a failure of a skip for want of something, where CI runs the tests."""
    what = missing(report)
    if what and os.environ.get("CI", "").lower() not in ("", "0", "false"):
        report.outcome = "failed"
        report.longrepr = f"needs {what}, and in CI nothing is left out for that"


def how_to_install(needed: list[str]) -> list[str]:
    """Return lines that say what tests were skipped for, and the one that changes it."""
    known = packages()
    lines = [f"{needed.count(what)} skipped: needs {what}" for what in dict.fromkeys(needed)]
    commands = {command for what in needed for command in what.split() if command in known}
    others = {what for what in needed if what not in known and _PACKAGE.fullmatch(what)}
    installing: list[str] = []
    if commands:
        names = sorted({name for command in commands for name in known[command]})
        installing.append(f"sudo apt-get install {' '.join(names)}")
    if others:
        installing.append(f"pip install {' '.join(sorted(others))}")
    return [*lines, " && ".join(installing)] if installing else lines
