from audio_enhance.local.object_store.ids import new_ids


def test_every_request_has_two_of_its_own() -> None:
    one, other = new_ids(), new_ids()
    assert set(one) == {"x-amz-request-id", "x-amz-id-2"}
    assert set(one.values()).isdisjoint(other.values())
