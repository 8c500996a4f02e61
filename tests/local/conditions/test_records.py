"""What the service remembers of its requests is bounded."""

from audio_enhance.local.conditions.records import RECORD_LENGTH, RequestRecord, new_records


def test_the_oldest_are_dropped() -> None:
    records = new_records()
    first, last = (RequestRecord(at, "api", "GET", "GET /a", "r") for at in (1.0, 2.0))
    records.append(first)
    records.extend([last] * RECORD_LENGTH)
    assert len(records) == RECORD_LENGTH
    assert records[0] is last
