"""As many API clients as keep an enhancer busy, however many recordings it takes at a time."""

import os
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from audio_enhance.local.enhancer.protocol import HasPlaces

if TYPE_CHECKING:
    from audio_enhance import ClientCredentials, EnhanceClient
    from audio_enhance.local.enhancer.protocol import Enhancer, WorksElsewhere


def lanes_for(enhancer: "Enhancer | WorksElsewhere") -> int:
    """Return how many API clients an enhancer needs: one for each place, and some that wait.

    Whoever waits has its recording uploaded: a place that becomes free is taken at once.
    """
    places = enhancer.places if isinstance(enhancer, HasPlaces) else os.cpu_count() or 1
    return places + max(2, places // 2)


def follow(
    enhancer: "Enhancer | WorksElsewhere",
    client: "EnhanceClient",
    new_api_client: Callable[[], "ClientCredentials"],
) -> None:
    """Give a client more API clients whenever the enhancer has more places.

    Those that are too many when it has fewer again stay: what they hold waits for its turn.

    Args:
        enhancer: The enhancer.
        client: The client, which has as many as are needed now.
        new_api_client: Makes and registers one.
    """
    if not isinstance(enhancer, HasPlaces):
        return
    known = weakref.ref(client)
    count = lanes_for(enhancer)

    def changed() -> None:
        nonlocal count
        follower = known()
        while follower is not None and count < lanes_for(enhancer):
            follower.add_api_client(new_api_client())
            count += 1

    enhancer.on_places(changed)
