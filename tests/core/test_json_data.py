import pytest

from audio_enhance._core.json_data import is_object, parsed


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf_8_with_and_without_a_mark(mark: bytes) -> None:
    assert parsed(mark + '{"id": "é"}'.encode()) == {"id": "é"}


@pytest.mark.parametrize("body", [b"", b"{", b'{"id": "\xff"}', '{"id": 1}'.encode("utf-16")])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError):
        parsed(body)


def test_objects_alone_are_objects() -> None:
    assert is_object({})
    others: list[object] = [[], "{}", 1, None]
    assert not any(is_object(other) for other in others)
