"""Adobe's own package for tokens (npm, `firefly-services-common-apis`) asks the local service."""

import asyncio
import os
from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from tests.support.npm import installed

pytestmark = pytest.mark.slow
PACKAGE = "@adobe/firefly-services-common-apis"
# It knows no other address than Adobe's: that one is put aside, and nothing else.
PROGRAM = """
const { ServerToServerTokenProvider } = require(process.env.PACKAGE);
const [url, clientId, clientSecret, scopes] = process.argv.slice(1);
const provider = new ServerToServerTokenProvider(
  { clientId, clientSecret, scopes }, { autoRefresh: true });
provider._baseUrlMap.set("production", url);
provider.getToken().then((token) => process.stdout.write(String(token)));
"""


@pytest.fixture(scope="module")
def package(pytestconfig: pytest.Config) -> Path:
    """The folder of the package, fetched once from npm's registry."""
    return installed(Path(pytestconfig.cache.mkdir("firefly-services")), PACKAGE, "2")


@pytest.mark.parametrize(
    "scopes", ["openid,AdobeID,firefly_api,ff_apis", "openid, AdobeID, firefly_api, ff_apis"]
)
async def test_it_gets_a_token_that_the_api_takes(
    enhance_service: LocalService, package: Path, scopes: str
) -> None:
    service = enhance_service
    process = await asyncio.create_subprocess_exec(
        "node",
        "-e",
        PROGRAM,
        service.base_url,
        service.client_id,
        service.client_secret,
        scopes,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PACKAGE": str(package)},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert service.count("POST /ims/token/v3", 200) == 1
    assert service._tokens.owner(output.decode()) is not None
