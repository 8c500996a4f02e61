import copy
import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from audio_enhance import (
    Asset,
    AssetStatus,
    EnhancementStatus,
    InvalidStrengthError,
    ProtocolError,
    SpeechEnhancement,
)
from audio_enhance._core.models import check_strength, check_strengths

# The answers of the guide's steps 1 and 4, with shorter URLs.
ASSET: dict[str, Any] = json.loads("""{
    "id": "3445d7a0-2513-4606-b37b-bff0034c0214",
    "filename": "earhart-aviation.mp3",
    "upload_url": "https://bucket.s3-accelerate.amazonaws.com/Assets/3445?X-Amz-Signature=45bad",
    "status": "waiting_for_upload",
    "created_at": "2024-04-09T21:38:36.872Z",
    "updated_at": "2024-04-09T21:38:36.872Z",
    "byte_size": 59400,
    "content_type": "audio/mpeg",
    "checksum": "AWzJTRSXGy5JsL+Phh/cFA=="
}""")
ENHANCEMENT: dict[str, Any] = json.loads("""{
    "strength": 93,
    "id": "b877bc56-9c17-4efb-8eec-b5839cd7f555",
    "download_url": "https://bucket.s3.amazonaws.com/b877?X-Amz-Signature=554df",
    "asset_id": "3445d7a0-2513-4606-b37b-bff0034c0214",
    "requested_processing_at": "2024-04-09T22:56:50.174Z",
    "finished_processing_at": "2024-04-09T22:56:51.675Z",
    "status": "succeeded",
    "model_id": "v1"
}""")

WRONG: list[Any] = [[], True, {"a": 1}]


def test_the_guides_asset() -> None:
    asset = Asset.from_json(ASSET)
    assert asset == Asset(
        id="3445d7a0-2513-4606-b37b-bff0034c0214",
        filename="earhart-aviation.mp3",
        upload_url=ASSET["upload_url"],
        status=AssetStatus.WAITING_FOR_UPLOAD,
        created_at=datetime(2024, 4, 9, 21, 38, 36, 872000, UTC),
        updated_at=datetime(2024, 4, 9, 21, 38, 36, 872000, UTC),
        byte_size=59400,
        content_type="audio/mpeg",
        checksum="AWzJTRSXGy5JsL+Phh/cFA==",
    )


def test_the_guides_enhancement() -> None:
    enhancement = SpeechEnhancement.from_json(ENHANCEMENT)
    assert enhancement.status is EnhancementStatus.SUCCEEDED
    assert enhancement.status.finished
    assert enhancement.finished_processing_at is not None
    took = enhancement.finished_processing_at - enhancement.requested_processing_at
    assert took == timedelta(seconds=1.501)


def test_field_names_are_the_apis_own() -> None:
    from_headers = {"retry_after"}
    assert {field.name for field in attrs.fields(Asset)} - from_headers == set(ASSET)
    assert {field.name for field in attrs.fields(SpeechEnhancement)} - from_headers == set(
        ENHANCEMENT
    )


@pytest.mark.parametrize("missing", ["upload_url", "checksum", "byte_size", "content_type"])
def test_what_an_asset_may_lack(missing: str) -> None:
    for data in ({**ASSET, missing: None}, {k: v for k, v in ASSET.items() if k != missing}):
        assert getattr(Asset.from_json(data), missing) is None


@pytest.mark.parametrize("missing", ["download_url", "finished_processing_at", "model_id"])
def test_what_an_enhancement_may_lack(missing: str) -> None:
    for data in (
        {**ENHANCEMENT, missing: None},
        {k: v for k, v in ENHANCEMENT.items() if k != missing},
    ):
        assert getattr(SpeechEnhancement.from_json(data), missing) is None


def test_fields_nobody_knows_are_ignored() -> None:
    assert Asset.from_json({**ASSET, "new": [1]}) == Asset.from_json(ASSET)


@pytest.mark.parametrize("field", sorted(ASSET))
def test_an_asset_says_which_field_does_not_fit(field: str) -> None:
    for wrong in WRONG:
        with pytest.raises(ProtocolError, match=f"asset has no usable field '{field}'"):
            Asset.from_json({**ASSET, field: wrong})


@pytest.mark.parametrize("field", sorted(ENHANCEMENT))
def test_an_enhancement_says_which_field_does_not_fit(field: str) -> None:
    for wrong in WRONG:
        with pytest.raises(ProtocolError, match=f"no usable field '{field}'"):
            SpeechEnhancement.from_json({**ENHANCEMENT, field: wrong})


@pytest.mark.parametrize("missing", [{}, {"updated_at": None}])
def test_when_an_asset_changed_may_be_missing(missing: dict[str, Any]) -> None:
    data = {name: value for name, value in ASSET.items() if name != "updated_at"} | missing
    asset = Asset.from_json(data)
    assert asset.updated_at == asset.created_at


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("id", 17, "17"),
        ("asset_id", 17, "17"),
        ("model_id", 2, "2"),
        ("strength", 93.0, 93),
        ("strength", "93", 93),
        ("strength", 92.6, 93),
        ("status", "SUCCEEDED", EnhancementStatus.SUCCEEDED),
        ("status", "Failed", EnhancementStatus.FAILED),
        (
            "requested_processing_at",
            "2024-04-09T22:56:50",
            datetime(2024, 4, 9, 22, 56, 50, tzinfo=UTC),
        ),
    ],
)
def test_what_is_written_in_another_way(field: str, value: object, read: object) -> None:
    found = getattr(SpeechEnhancement.from_json({**ENHANCEMENT, field: value}), field)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(("size", "read"), [(59400.0, 59400), ("59400", 59400)])
def test_a_length_that_is_written_in_another_way(size: object, read: int) -> None:
    assert Asset.from_json({**ASSET, "byte_size": size}).byte_size == read


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "much", "1e999"])
def test_what_is_no_number(wrong: object) -> None:
    with pytest.raises(ProtocolError, match="strength"):
        SpeechEnhancement.from_json({**ENHANCEMENT, "strength": wrong})


@pytest.mark.parametrize("wrong", ["", "a\r\nb", "a\x1b[2Jb", "a\x00", "a\u202eb", "a\u2028b", 1.5])
@pytest.mark.parametrize("field", ["id", "asset_id"])
def test_ids_without_what_a_terminal_would_obey(field: str, wrong: object) -> None:
    with pytest.raises(ProtocolError, match=f"no usable field '{field}'"):
        SpeechEnhancement.from_json({**ENHANCEMENT, field: wrong})
    with pytest.raises(ProtocolError, match="no usable field 'id'"):
        Asset.from_json({**ASSET, "id": wrong})


@pytest.mark.parametrize("moment", ["yesterday", "", None, float("nan"), -1e12, 10**400, [2024]])
def test_what_is_no_moment(moment: object) -> None:
    with pytest.raises(ProtocolError, match="created_at"):
        Asset.from_json({**ASSET, "created_at": moment})


@pytest.mark.parametrize(
    "written",
    [
        "2024-04-09T21:38:36Z",
        "2024-04-09T21:38:36",
        "2024-04-09T21:38:36.000000999Z",
        "2024-04-09 21:38:36 UTC",
        "2024-04-09T23:38:36+0200",
        "Tue, 09 Apr 2024 21:38:36 GMT",
        1712698716,
        1712698716000,
        1712698716.0,
    ],
)
def test_moments_however_they_are_written(written: object) -> None:
    asset = Asset.from_json({**ASSET, "created_at": written})
    assert asset.created_at == datetime(2024, 4, 9, 21, 38, 36, tzinfo=UTC)


@pytest.mark.parametrize(
    "far", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", -1e9, 250e12]
)
def test_moments_at_the_ends_of_the_calendar_can_be_reckoned_with(far: object) -> None:
    moment = Asset.from_json({**ASSET, "created_at": far}).created_at
    century = timedelta(days=36525)
    assert moment - century < moment < moment + century
    assert datetime.fromtimestamp(moment.timestamp() + 1e9, UTC)


def test_moments_in_other_zones() -> None:
    asset = Asset.from_json({**ASSET, "created_at": "2024-04-09T23:38:36.872+02:00"})
    assert asset.created_at == datetime(2024, 4, 9, 21, 38, 36, 872000, UTC)


@pytest.mark.parametrize("data", [None, [], "asset", 3, [ASSET]])
def test_what_is_no_object_is_no_model(data: object) -> None:
    with pytest.raises(ProtocolError, match="not a usable asset"):
        Asset.from_json(data)
    with pytest.raises(ProtocolError, match="not a usable speech enhancement"):
        SpeechEnhancement.from_json(data)


def test_statuses_that_nobody_knows_survive() -> None:
    asset = Asset.from_json({**ASSET, "status": "quarantined"})
    assert isinstance(asset.status, AssetStatus)
    assert asset.status == "quarantined"
    assert asset.status.value == "quarantined"
    assert asset.status not in list(AssetStatus)
    assert asset.status == AssetStatus("quarantined")
    assert hash(asset.status) == hash(AssetStatus("quarantined"))
    assert [status.value for status in AssetStatus] == [
        "waiting_for_upload",
        "ready_for_processing",
        "invalid_upload",
    ]
    assert not EnhancementStatus("paused").finished


@pytest.mark.parametrize("status", ["invalid_upload", "upload_invalid", "INVALID_UPLOAD"])
def test_both_names_of_an_upload_that_was_refused(status: str) -> None:
    asset = Asset.from_json({**ASSET, "status": status})
    assert asset.status is AssetStatus.INVALID_UPLOAD
    assert asset.status.final


def test_an_unknown_status_is_shown_as_text() -> None:
    status = EnhancementStatus("odd\x1b[2J")
    assert status == "odd\x1b[2J"
    assert repr(status).isprintable()
    assert repr(EnhancementStatus("odd")) == "<EnhancementStatus.ODD: 'odd'>"


@pytest.mark.parametrize(
    ("status", "ended", "finished"),
    [
        ("canceled", True, True),
        ("canceled", False, False),
        ("processing", True, False),
        ("Processing", True, False),
        ("FAILED", False, True),
        ("succeeded", False, True),
    ],
)
def test_an_unknown_status_is_final_where_there_is_an_end(
    status: str, ended: bool, finished: bool
) -> None:
    end = ENHANCEMENT["finished_processing_at"] if ended else None
    data = {**ENHANCEMENT, "status": status, "finished_processing_at": end}
    assert SpeechEnhancement.from_json(data).finished is finished


@pytest.mark.parametrize("status", [EnhancementStatus("paused"), EnhancementStatus.QUEUED])
def test_statuses_can_be_copied_and_pickled(status: EnhancementStatus) -> None:
    for again in (pickle.loads(pickle.dumps(status)), copy.deepcopy(status)):
        assert again == status
        assert type(again) is EnhancementStatus
    assert str(status) == status.value


def test_a_status_is_a_text() -> None:
    with pytest.raises(ValueError):
        EnhancementStatus(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "finished"),
    [("queued", False), ("processing", False), ("succeeded", True), ("failed", True)],
)
def test_which_statuses_are_final(status: str, finished: bool) -> None:
    assert EnhancementStatus(status).finished is finished


def test_models_are_frozen_hashable_and_picklable() -> None:
    for model in (Asset.from_json(ASSET), SpeechEnhancement.from_json(ENHANCEMENT)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            model.id = "other"  # type: ignore[misc]
        assert pickle.loads(pickle.dumps(model)) == model
        assert {model: 1}[model] == 1


def test_reprs_hide_signatures() -> None:
    assert "45bad" not in repr(Asset.from_json(ASSET))
    assert "554df" not in repr(SpeechEnhancement.from_json(ENHANCEMENT))
    assert "https://bucket.s3.amazonaws.com/b877?…" in repr(
        SpeechEnhancement.from_json(ENHANCEMENT)
    )


@pytest.mark.parametrize("strength", [0, 1, 50, 93, 100])
def test_strengths_from_0_to_100(strength: int) -> None:
    assert check_strength(strength) == strength


@pytest.mark.parametrize("strength", [-1, 101, 93.0, "93", None, True, False, [93], float("nan")])
def test_other_strengths_are_refused(strength: object) -> None:
    with pytest.raises(InvalidStrengthError) as caught:
        check_strength(strength)
    assert repr(strength) in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_several_strengths_keep_their_order_and_lose_repetitions() -> None:
    assert check_strengths(93) == [93]
    assert check_strengths([93, 50, 93, 0]) == [93, 50, 0]
    assert check_strengths(iter([1, 2])) == [1, 2]


@pytest.mark.parametrize("strengths", [[], [50, 101], 101, "93", b"]", 93.0, None, [None]])
def test_one_bad_strength_refuses_all(strengths: Any) -> None:
    with pytest.raises(InvalidStrengthError):
        check_strengths(strengths)
