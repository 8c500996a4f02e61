"""What all work at the server leads to: a finished enhancement."""

from collections.abc import Awaitable, Callable
from pathlib import PurePath
from typing import Protocol

import attrs

from audio_enhance._core.models import Asset, SpeechEnhancement
from audio_enhance._session.retry import OnRetry
from audio_enhance._transfer.part_file import PartialFile


class Owner(Protocol):
    """The API client that an enhancement belongs to, and what it can still do with it."""

    @property
    def client_id(self) -> str:
        """The API client."""
        ...

    async def has(self, asset_id: str, enhancement_id: str) -> bool:
        """Whether the server still has the enhancement."""
        ...

    async def download(
        self,
        enhancement: SpeechEnhancement,
        file: PartialFile,
        *,
        place: Callable[[str], Awaitable[tuple[PurePath, bool]]],
        original: str | None,
        source_bytes: int | None,
        on_bytes: Callable[[int, int | None], None],
        on_retry: OnRetry,
    ) -> PurePath:
        """Fetch the result, and put it in its place, which is returned."""
        ...

    async def delete_asset(self, asset_id: str, *, on_retry: OnRetry | None) -> None:
        """Delete the asset, and with it all of its enhancements."""
        ...


@attrs.frozen(eq=False, repr=False)
class Enhanced:
    """A finished enhancement and its asset.

    Attributes:
        asset: The asset.
        enhancement: The enhancement.
        owner: The API client that they belong to.
        spent: The assets of the same content that were given up before, and are still there.
    """

    asset: Asset
    enhancement: SpeechEnhancement
    owner: Owner
    spent: tuple[str, ...] = ()
