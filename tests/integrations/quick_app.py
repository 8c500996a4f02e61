"""The FastAPI example for a service without limits: `uvicorn tests.integrations.quick_app:app`."""

import os
from importlib import import_module
from typing import Any

from audio_enhance import EnhanceClient, RateLimits
from tests.conftest import QUICK_POLLING, QUICK_RETRY


def limits() -> RateLimits:
    """The limits of this process, or those that it shares with others."""
    many: dict[str, Any] = {"creations_per_minute": 100_000, "others_per_minute": 100_000}
    redis = os.environ.get("LIMITS_REDIS")
    return RateLimits.shared(redis, name="test", **many) if redis else RateLimits(**many)


def make_client() -> EnhanceClient:
    return EnhanceClient.from_env(
        polling=QUICK_POLLING,
        retry=QUICK_RETRY,
        limits=limits(),
        max_waiting=1000,
    )


app = import_module("examples.fastapi_app").create_app(make_client)
