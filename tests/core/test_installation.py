"""The command that installs an extra works wherever the package came from."""

import json
from pathlib import Path
from typing import Any

import pytest

from audio_enhance._core.installation import install_command


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'audio-enhance[local]'"),
        ("broken", "pip install 'audio-enhance[local]'"),
        (
            {"url": "file:///home/me/my%20clone", "dir_info": {}},
            "pip install '/home/me/my clone[local]'",
        ),
        (
            {"url": "file:///home/me/clone", "dir_info": {"editable": True}},
            "pip install -e '/home/me/clone[local]'",
        ),
        (
            {"url": "file:///tmp/audio_enhance-1-py3-none-any.whl", "archive_info": {}},
            "pip install 'audio-enhance[local] @ file:///tmp/audio_enhance-1-py3-none-any.whl'",
        ),
        (
            {"url": "https://a.example/it.git", "vcs_info": {"vcs": "git", "commit_id": "12ab"}},
            "pip install 'audio-enhance[local] @ git+https://a.example/it.git@12ab'",
        ),
    ],
)
def test_an_extra_is_installed_from_where_the_package_came_from(
    origin: Any, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "audio_enhance-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: audio-enhance\nVersion: 1\n")
    if origin is not None:
        text = origin if isinstance(origin, str) else json.dumps(origin)
        (folder / "direct_url.json").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert install_command("local") == command


def test_a_package_that_was_never_installed_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    assert install_command("local") == "pip install 'audio-enhance[local]'"
