"""Answers that say no, in the words of each generation."""

import pytest

from audio_enhance.local.api import problems


def test_the_first_generation_names_each_field_and_the_second_has_one_form() -> None:
    problem = problems.invalid({"strength": "is too large", "asset_id": "is missing"})
    assert problem.status == 422
    assert problem.body_of("v1") == problem.body_of(None) == problem.body
    assert [each["field"] for each in problem.body["errors"]] == ["strength", "asset_id"]
    second = problem.body_of("v2")
    assert set(second) == {"error_code", "message"}
    assert second["message"] == "strength is too large, asset_id is missing"


@pytest.mark.parametrize(("sent", "word"), [(None, "required"), ("", "required"), ("k", "invalid")])
def test_a_key_is_missing_or_wrong(sent: str | None, word: str) -> None:
    problem = problems.bad_key(sent)
    assert problem.status == 403
    assert word in problem.body["message"]


def test_too_many_requests_say_when_to_come_again() -> None:
    assert problems.too_many("17").headers == {"retry-after": "17"}
    assert problems.not_found().headers == {}


@pytest.mark.parametrize("status", [500, 503, 520, 524])
def test_failures_of_servers_have_words_even_where_there_are_none(status: int) -> None:
    problem = problems.server_error(status)
    assert problem.status == status
    assert problem.body["message"]
