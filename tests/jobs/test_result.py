from pathlib import Path

import attrs
import pytest

from audio_enhance import Asset, EnhanceResult, OutputError, SpeechEnhancement
from tests.support.answers import asset_json, enhancement_json

RESULT = EnhanceResult(
    asset=Asset.from_json(asset_json()),
    enhancement=SpeechEnhancement.from_json(enhancement_json()),
)


def test_where_it_is() -> None:
    assert attrs.evolve(RESULT, saved=Path("/out/talk.mp3")).path == Path("/out/talk.mp3")


@pytest.mark.parametrize(
    ("url", "hint"),
    [(None, "Give output_dir"), ("s3://bucket/talk.mp3", "Use result.url")],
)
def test_a_result_that_is_no_file_here_says_what_to_use_instead(url: str | None, hint: str) -> None:
    with pytest.raises(OutputError, match=hint):
        attrs.evolve(RESULT, url=url).path  # noqa: B018  looked up for its error
