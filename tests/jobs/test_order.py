"""What the jobs of one call have in common: who is told of them, and what may be deleted."""

import pytest

from audio_enhance import ApiVersion, ConfigurationError, Event, InvalidInputError
from audio_enhance._jobs.order import Order, check_deleting


def to_all(event: Event) -> None:
    pass


def to_one(event: Event) -> None:
    pass


def test_a_call_is_told_of_its_own_jobs_and_a_client_of_all() -> None:
    assert Order().listeners(None) == ()
    assert Order().listeners(to_all) == (to_all,)
    assert Order(on_event=to_one).listeners(None) == (to_one,)
    assert Order(on_event=to_one).listeners(to_all) == (to_all, to_one)


@pytest.mark.parametrize(
    ("version", "kept", "kind"),
    [
        ("v1", True, ConfigurationError),  # which has no such request
        ("v1", False, ConfigurationError),
        ("v2", False, InvalidInputError),  # the result would be gone with the upload
    ],
)
def test_uploads_are_deleted_where_that_can_be_and_the_result_is_safe(
    version: ApiVersion, kept: bool, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        check_deleting(True, version, kept=kept)
    check_deleting(False, version, kept=kept)
    check_deleting(True, "v2", kept=True)
