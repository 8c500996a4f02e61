"""What differs between the generations of the API on the wire, and nowhere else.

The first is the guide's. The second has other paths and names for the same things (Audio Services:
Enhance Speech API, v2): no checksum is sent, the asset of an enhancement is named in the body, and
the result's address is itself a presigned URL. No I/O.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, get_args
from urllib.parse import quote, urlsplit

import attrs

from audio_enhance._core.errors import ConfigurationError, InvalidStrengthError
from audio_enhance._core.json_data import is_object
from audio_enhance._core.models import Asset, SpeechEnhancement

ApiVersion = Literal["v1", "v2"]
VERSIONS: tuple[ApiVersion, ...] = get_args(ApiVersion)

# What v1 calls the fields of v2.
_ASSET = {
    "fileName": "filename",
    "uploadUrl": "upload_url",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "byteSize": "byte_size",
    "mediaType": "content_type",
}
_ENHANCEMENT = {
    "assetId": "asset_id",
    "modelId": "model_id",
    "requestedProcessingAt": "requested_processing_at",
    "finishedProcessingAt": "finished_processing_at",
}


# All that quoting leaves as it is (RFC 3986 §2.3), as ids usually are.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


class Call(NamedTuple):
    """Where a request goes, and its JSON body."""

    url: str
    json: dict[str, Any] | None = None


class Wire(Protocol):
    """One generation of the API: its requests as they are sent, its answers as they come."""

    version: ClassVar[ApiVersion]
    lowest_strength: ClassVar[int]

    def create_asset(
        self, *, filename: str, byte_size: int, checksum: str, content_type: str
    ) -> Call:
        """Return the request for a new asset (POST)."""
        ...

    def asset(self, asset_id: str) -> Call:
        """Return the request for an asset (GET, and DELETE where there is one)."""
        ...

    def create_enhancement(self, asset_id: str, strength: int) -> Call:
        """Return the request for a new enhancement (POST)."""
        ...

    def enhancement(self, asset_id: str, enhancement_id: str) -> Call:
        """Return the request for an enhancement (GET)."""
        ...

    def read_asset(self, data: object) -> Asset:
        """Read an asset; raises `ProtocolError` naming a field that does not fit."""
        ...

    def read_enhancement(self, data: object) -> SpeechEnhancement:
        """Read an enhancement; raises `ProtocolError` naming a field that does not fit."""
        ...


@attrs.frozen(eq=False, repr=False)
class FirstGeneration:
    """The guide's own."""

    version: ClassVar[ApiVersion] = "v1"
    lowest_strength: ClassVar[int] = 0
    published_path: ClassVar[str] = "/audio_services/v1"

    root: str

    def create_asset(
        self, *, filename: str, byte_size: int, checksum: str, content_type: str
    ) -> Call:
        """Return the request for a new asset (the guide, step 1)."""
        return Call(
            f"{self.root}/assets",
            {
                "filename": filename,
                "byte_size": byte_size,
                "checksum": checksum,
                "content_type": content_type,
            },
        )

    def asset(self, asset_id: str) -> Call:
        """Return the request for an asset (the guide, step 2)."""
        return Call(f"{self.root}/assets/{_part(asset_id)}")

    def create_enhancement(self, asset_id: str, strength: int) -> Call:
        """Return the request for a new enhancement (the guide, step 3)."""
        return Call(f"{self.asset(asset_id).url}/speech_enhancements", {"strength": strength})

    def enhancement(self, asset_id: str, enhancement_id: str) -> Call:
        """Return the request for an enhancement (the guide, step 4)."""
        enhancements = f"{self.asset(asset_id).url}/speech_enhancements"
        return Call(f"{enhancements}/{_part(enhancement_id)}")

    def read_asset(self, data: object) -> Asset:
        """Read an asset."""
        return Asset.from_json(data)

    def read_enhancement(self, data: object) -> SpeechEnhancement:
        """Read an enhancement."""
        return SpeechEnhancement.from_json(data)


@attrs.frozen(eq=False, repr=False)
class SecondGeneration:
    """The same API with other paths and names."""

    version: ClassVar[ApiVersion] = "v2"
    lowest_strength: ClassVar[int] = 1
    published_path: ClassVar[str] = "/api/v2"

    root: str

    def create_asset(
        self,
        *,
        filename: str,
        byte_size: int,
        checksum: str,  # noqa: ARG002  not sent: the answer tells it once the upload has landed
        content_type: str,
    ) -> Call:
        """Return the request for a new asset."""
        return Call(
            f"{self.root}/assets",
            {"fileName": filename, "byteSize": byte_size, "mediaType": content_type},
        )

    def asset(self, asset_id: str) -> Call:
        """Return the request for an asset."""
        return Call(f"{self.root}/assets/{_part(asset_id)}")

    def create_enhancement(self, asset_id: str, strength: int) -> Call:
        """Return the request for a new enhancement."""
        upload_id = f"audio-services:asset:{asset_id}"
        body = {"input": {"uploadId": upload_id}, "strength": strength}
        return Call(f"{self.root}/speech-enhancements", body)

    def enhancement(self, asset_id: str, enhancement_id: str) -> Call:  # noqa: ARG002
        """Return the request for an enhancement, whose id is enough."""
        return Call(f"{self.root}/speech-enhancements/{_part(enhancement_id)}")

    def read_asset(self, data: object) -> Asset:
        """Read an asset."""
        return Asset.from_json(_renamed(data, _ASSET))

    def read_enhancement(self, data: object) -> SpeechEnhancement:
        """Read an enhancement."""
        fields = _renamed(data, _ENHANCEMENT)
        if is_object(fields):
            output = fields.get("output")
            fields = {**fields, "download_url": output.get("url") if is_object(output) else output}
        return SpeechEnhancement.from_json(fields)


_GENERATIONS = {kind.version: kind for kind in (FirstGeneration, SecondGeneration)}


def check_version(version: str) -> ApiVersion:
    """Return the generation of the API that a text names.

    Raises:
        ConfigurationError: There is none of that name.
    """
    for known in VERSIONS:
        if version == known:
            return known
    raise ConfigurationError(
        f"There is no version {version!r} of the API.", hint=f"Choose {' or '.join(VERSIONS)}."
    )


def wire(version: ApiVersion, base_url: str) -> Wire:
    """Return how a generation of the API is spoken to at an address.

    Args:
        version: The generation.
        base_url: An origin, to which the published path is added, or an origin with a path, to
            which just the version is.
    """
    kind = _GENERATIONS[version]
    path = f"/{version}" if urlsplit(base_url).path.strip("/") else kind.published_path
    return kind(f"{base_url}{path}")


def check_sendable(strength: int, version: ApiVersion) -> int:
    """Return a strength that this generation of the API takes.

    Raises:
        InvalidStrengthError: It is 0, which v2 refuses.
    """
    if strength >= _GENERATIONS[version].lowest_strength:
        return strength
    raise InvalidStrengthError(
        f"{version} of the API does not take the strength {strength}.",
        hint="It is a whole number from 1 to 100 there; 0 is the recording itself.",
    )


def _part(name: str) -> str:
    """Return an id as a part of a path."""
    return name if _PLAIN.fullmatch(name) else quote(name, safe="")


def _renamed(data: object, names: Mapping[str, str]) -> object:
    if not is_object(data):
        return data
    return {names.get(name, name): value for name, value in data.items()}
