"""Errors as answers over HTTP."""

import json
import re
from pathlib import Path

import pytest

import audio_enhance
from audio_enhance import (
    AudioEnhanceError,
    ConfigurationError,
    EnhancementFailedError,
    OutputError,
    SourceTooLargeError,
    TooManyWaitingError,
)
from audio_enhance.integrations.problems import STATUSES, problem

PAGE = (Path(__file__).parents[2] / "docs" / "web-backends.md").read_text()


def test_a_problem_says_what_it_is_and_when_to_come_again() -> None:
    found = problem(TooManyWaitingError("7 jobs are waiting already.", retry_after=2.2))
    assert found.status == 503
    assert found.headers["Content-Type"] == "application/problem+json"
    assert found.headers["Retry-After"] == "3"
    assert json.loads(found.body) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "error": "TooManyWaitingError",
        "retryable": True,
        "detail": "7 jobs are waiting already.",
    }


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("The variable SECRET is missing."),
        OutputError("/srv/uploads cannot be written."),
        AudioEnhanceError("Unexpected error: KeyError"),
    ],
)
def test_what_goes_wrong_within_the_backend_is_not_told(error: AudioEnhanceError) -> None:
    found = problem(error)
    assert found.status == 500
    assert error.message not in found.body.decode()


def test_the_nearest_class_counts() -> None:
    assert problem(SourceTooLargeError("too long")).status == 413
    assert problem(EnhancementFailedError("failed")).status == 422


def test_the_table_in_the_documentation_is_this_one() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", PAGE, re.MULTILINE)
    documented = {
        name: int(status) for status, names in rows for name in re.findall("`(.*?)`", names)
    }
    assert documented == {kind.__name__: status for kind, status in STATUSES.items()}


def test_every_error_has_a_status() -> None:
    for kind in vars(audio_enhance).values():
        if isinstance(kind, type) and issubclass(kind, AudioEnhanceError):
            assert any(base in STATUSES for base in kind.__mro__)
