"""What is missing is said where people look, and nothing is left out in CI."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import LONGEST
from tests.support import tools

pytestmark = pytest.mark.once

TESTS = Path(__file__).parents[1]
CI = TESTS.parent / ".ci" / "run"


def report(reason: str) -> pytest.TestReport:
    location = ("test_x.py", 3, "test_x")
    longrepr = ("test_x.py", 3, f"Skipped: {reason}")
    return pytest.TestReport("test_x.py::test_x", location, {}, "skipped", longrepr, "setup")


def test_a_tool_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert tools.needs("curl", "openssl").kwargs["reason"] == "needs curl openssl"
    with pytest.raises(pytest.skip.Exception, match="needs npm"):
        tools.path_of("npm")


@pytest.mark.parametrize(
    ("ci", "reason", "outcome"),
    [
        ("true", "needs curl", "failed"),
        ("true", "root may read everything", "skipped"),
        ("false", "needs curl", "skipped"),
        ("", "needs curl", "skipped"),
    ],
)
def test_only_in_ci_it_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, ci: str, reason: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", ci)
    skipped = report(reason)
    tools.fail_in_ci(skipped)
    assert skipped.outcome == outcome


def test_how_to_install_it_is_one_line() -> None:
    assert tools.how_to_install(["curl", "npm", "curl", "playwright"]) == [
        "2 skipped: needs curl",
        "1 skipped: needs npm",
        "1 skipped: needs playwright",
        "sudo apt-get install curl npm && pip install playwright",
    ]
    assert tools.how_to_install(["OpenStack Swift: no Python has it"]) == [
        "1 skipped: needs OpenStack Swift: no Python has it"
    ]


def test_what_some_runs_do_without_is_told_as_well_and_is_no_failure_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skipped = report("could not import 'nara_wpe.wpe': No module named 'nara_wpe'")
    assert tools.lacking(skipped) == "nara_wpe"
    assert tools.lacking(report("needs curl")) == "curl"
    assert tools.lacking(report("root may read everything")) is None
    monkeypatch.setenv("CI", "true")
    tools.fail_in_ci(skipped)
    assert skipped.outcome == "skipped"


def test_the_script_of_ci_is_one_that_bash_can_read() -> None:
    subprocess.run(["bash", "-n", CI], check=True)


def test_what_takes_longest_is_there() -> None:
    assert [name for name in LONGEST if not (TESTS / name).exists()] == []
