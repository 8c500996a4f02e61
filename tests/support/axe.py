"""What axe-core says of a page in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .npm import installed

if TYPE_CHECKING:
    from playwright.async_api import Page


def axe_core(config: pytest.Config) -> str:
    """Return the source of axe-core, fetched once from npm's registry."""
    folder = Path(config.cache.mkdir("axe-core")) if config.cache else Path()
    return (installed(folder, "axe-core", "4") / "axe.min.js").read_text()


async def violations(page: "Page", axe: str) -> list[str]:
    """Return what axe-core objects to in a page as it is now."""
    await page.evaluate(axe)
    found: dict[str, Any] = await page.evaluate(
        "() => axe.run(document, { resultTypes: ['violations'] })"
    )
    assert found["testEngine"]["name"] == "axe-core"
    assert len(found["passes"]) > 10
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
