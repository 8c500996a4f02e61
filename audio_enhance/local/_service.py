"""The local service: API, object store, queue and enhancer under one roof."""

import secrets
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from aiohttp import web

from audio_enhance.local.api.backend import Backend
from audio_enhance.local.api.endpoints import Api
from audio_enhance.local.api.queue import ProcessingQueue, QueueUsage
from audio_enhance.local.api.state import State
from audio_enhance.local.api.tokens import ApiClient, Tokens
from audio_enhance.local.conditions.behaviour import Behaviour
from audio_enhance.local.conditions.clock import Clock
from audio_enhance.local.conditions.conditions import Conditions
from audio_enhance.local.conditions.faults import Faults
from audio_enhance.local.conditions.records import Records, new_records
from audio_enhance.local.enhancer.protocol import NamesModel
from audio_enhance.local.lanes import follow, lanes_for
from audio_enhance.local.object_store.own import OwnStore
from audio_enhance.local.object_store.protocol import ObjectStore
from audio_enhance.local.serving.folder import TemporaryFolder, remove_leftovers, work_folder
from audio_enhance.local.serving.listener import Listener
from audio_enhance.local.serving.log import one_line
from audio_enhance.local.serving.own_thread import on_its_own_thread
from audio_enhance.local.serving.threads import in_thread

if TYPE_CHECKING:
    from audio_enhance import ClientCredentials, EnhanceClient
    from audio_enhance.local.enhancer.errors import EnhancerError
    from audio_enhance.local.enhancer.protocol import Enhancer, WorksElsewhere

_LEDGER = "service.sqlite"
# Not "objects", which earlier versions left behind without writing down what is in it.
_OBJECTS = "stored"


class LocalService:
    """The Enhance Speech API in this process, on ports of its own.

    Use it as an async context manager, call `start` and `stop`, or run it `in_thread`.

    Args:
        directory: Where everything is kept. The next service that gets the folder continues where
            this one ended, even if it was killed, with the same credentials, tokens, presigned
            URLs and ports. Without a directory, everything is in memory and in a temporary folder
            that `stop` removes. If the service is killed, the next start of any service removes
            that folder.
        host: The address to listen on; only this machine can reach the default.
        port: The port of the API, any free one if 0.
        s3_port: The port of the object store, any free one if 0.
        behaviour: Limits and lifetimes; see there for the defaults.
        faults: What is to go wrong; nothing by default.
        enhancer: What enhances the recordings. The service owns it from now on, and closes it. The
            default really removes noise.
        object_store: Where recordings and results lie; the built-in store by default.
        client_id: The id of the default API client. If None, `start` takes it from the directory,
            or makes a new one.
        client_secret: Its secret; give both or neither.
        clock: Seconds that only go forward: what rate limits, expiry and timestamps go by.

    Attributes:
        client_id: The id of the default API client.
        client_secret: Its secret.
    """

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        s3_port: int = 0,
        behaviour: Behaviour | None = None,
        faults: Faults | None = None,
        enhancer: "Enhancer | WorksElsewhere | None" = None,
        object_store: ObjectStore | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conditions = Conditions(
            Clock(clock), behaviour or Behaviour(), faults or Faults(), new_records()
        )
        self._directory = Path(directory) if directory is not None else None
        self._host = host
        self._port = port
        self._store = object_store or OwnStore(host, s3_port)
        self._enhancer = enhancer
        clock_, ledger = self._conditions.clock, self._conditions.ledger
        self._tokens = Tokens(clock_, self._conditions.behaviour.token_seconds, ledger)
        self._stack: AsyncExitStack | None = None
        self._listener: Listener | None = None
        self._queue: ProcessingQueue | None = None
        self._backend: Backend | None = None
        self._state = State(clock_, ledger)
        if (client_id is None) != (client_secret is None):
            raise ValueError("client_id and client_secret are only of use together")
        self._has_own_client = client_id is None
        self._connected = 0
        self.client_id = client_id or uuid4().hex
        self.client_secret = client_secret or _new_secret()
        self.add_client(self.client_id, self.client_secret)

    async def start(self) -> None:
        """Open both ports.

        Raises:
            RuntimeError: If the service has been started before.
            OSError: If a port or the directory cannot be used, because another service uses it for
                example.
            EngineError: If the enhancer's engine does not work here.
        """
        if self._stack is not None:
            raise RuntimeError("a local service can be started only once")
        async with AsyncExitStack() as stack:
            directory = self._directory
            ledger = self._conditions.ledger
            if directory is None:
                await in_thread(remove_leftovers)
                folder = TemporaryFolder()
                stack.push_async_callback(in_thread, folder.remove)
                directory = folder.path
            else:
                await ledger.open(directory / _LEDGER)
                stack.push_async_callback(ledger.close)
                await self._remember()
            work = await in_thread(work_folder, directory)
            stack.push_async_callback(in_thread, shutil.rmtree, work, ignore_errors=True)
            stack.push_async_callback(self._store.stop)
            await self._store.start(directory / _OBJECTS, self._conditions)
            enhancer = self._enhancer = self._enhancer or _default_enhancer()
            stack.push_async_callback(enhancer.close)
            model_id = await enhancer.model_id() if isinstance(enhancer, NamesModel) else "v1"
            self._queue = ProcessingQueue(
                self._conditions, self._store, self._state, enhancer, work
            )
            stack.push_async_callback(self._queue.stop)
            self._backend = Backend(
                self._conditions, self._store, self._queue, self._state, model_id
            )
            for enhancement in await self._state.restore():
                self._queue.put(enhancement)
            await stack.enter_async_context(self._backend.removing_old())
            app = Api(self._conditions, self._tokens, self._backend).application()
            # An access log would hold presigned URLs; `record` says more.
            runner = web.AppRunner(
                app,
                access_log=None,
                logger=one_line(),
                handle_signals=False,
                shutdown_timeout=Listener.GRACE,
                auto_decompress=False,  # a request that is packed is none that the API can read
            )
            ports = ledger.ports("port", self._port)
            self._listener = await Listener.open(runner, self._host, *ports)
            stack.push_async_callback(self._listener.close)
            ledger.keep_fact("port", str(self._listener.port))
            await ledger.settled()
            self._stack = stack.pop_all()

    async def _remember(self) -> None:
        """Take over the credentials and the tokens of the service that had the folder before."""
        ledger = self._conditions.ledger
        client_id, secret = ledger.fact("client_id"), ledger.fact("client_secret")
        if self._has_own_client:
            if client_id is not None and secret is not None:
                self.client_id, self.client_secret = client_id, secret
                self.add_client(client_id, secret)
            ledger.keep_fact("client_id", self.client_id)
            ledger.keep_fact("client_secret", self.client_secret)
        await self._tokens.restore()

    async def stop(self) -> None:
        """Close both ports, abandon what is in the queue, and remove temporary files."""
        if self._stack is not None:
            await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @contextmanager
    def in_thread(self) -> Generator[Self]:
        """Run the service on a thread and an event loop of its own until the block ends.

        For synchronous programs and tests. What `start` and `stop` raise is raised here.
        """
        with on_its_own_thread(self):
            yield self

    @property
    def base_url(self) -> str:
        """The origin of the API and of the token endpoint."""
        if self._listener is None:
            raise RuntimeError("the service has not been started")
        return self._listener.url()

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.base_url}/ims/token/v3"

    @property
    def s3_url(self) -> str:
        """The origin of the object store."""
        return self._store.url

    @property
    def credentials(self) -> "ClientCredentials":
        """The default API client's credentials, as an `EnhanceClient` takes them."""
        from audio_enhance import ClientCredentials

        return ClientCredentials(self.client_id, self.client_secret, token_url=self.token_url)

    def connect(self, lanes: int | None = 1, **options: Any) -> "EnhanceClient":
        """Return a client of this service that has several recordings enhanced at once.

        A service works on one enhancement at a time for an API client, so there is an API client
        for each. The rate limits are this service's, and it is polled often: that costs nothing
        on this machine.

        Args:
            lanes: How many recordings are enhanced at once, 1 or more. If they are more than the
                enhancer has workers, they wait for each other. None for as many as the enhancer
                takes, and a few that wait for it; the number follows the enhancer's.
            options: As for `EnhanceClient`; what is given here wins.
        """
        if lanes is None:
            options.setdefault("at_a_time", 1)
            if self._enhancer is None:
                raise RuntimeError("the service has not been started")
            client = self._connect(lanes_for(self._enhancer), options)
            follow(self._enhancer, client, self._new_client)
            return client
        return self._connect(lanes, options)

    def _connect(self, lanes: int, options: dict[str, Any]) -> "EnhanceClient":
        from audio_enhance import EnhanceClient, PollPolicy, RateLimits

        auth = [self.credentials, *(self._new_client() for _ in range(1, lanes))]
        options.setdefault("base_url", self.base_url)
        # Often where a few wait, seldom where many do: others work meanwhile.
        pace = PollPolicy(shortest=0.02, longest=1.0, share=0.1, apart=0.02)
        options.setdefault("polling", pace)
        if "limits" not in options:
            options["limits"] = RateLimits(
                creations_per_minute=self.behaviour.creations_per_minute,
                others_per_minute=self.behaviour.others_per_minute,
            )
        return EnhanceClient(auth, **options)

    def _new_client(self) -> "ClientCredentials":
        from audio_enhance import ClientCredentials

        # With a directory, the same ones after every start: what they began is theirs.
        ledger = self._conditions.ledger
        self._connected += 1
        name = f"client {self._connected}"
        kept = ledger.fact(name) or f"{uuid4().hex} {_new_secret()}"
        ledger.keep_fact(name, kept)
        client_id, secret = kept.split()
        self.add_client(client_id, secret)
        return ClientCredentials(client_id, secret, token_url=self.token_url)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that send a program here instead of to the real API."""
        return {
            "FIREFLY_SERVICES_CLIENT_ID": self.client_id,
            "FIREFLY_SERVICES_CLIENT_SECRET": self.client_secret,
            "AUDIO_ENHANCE_BASE_URL": self.base_url,
            "AUDIO_ENHANCE_TOKEN_URL": self.token_url,
        }

    @property
    def behaviour(self) -> Behaviour:
        """The limits and lifetimes in force."""
        return self._conditions.behaviour

    @property
    def faults(self) -> Faults:
        """What goes wrong; you can change or replace it at any time."""
        return self._conditions.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._conditions.faults = faults

    @property
    def record(self) -> Records:
        """The requests, in the order in which they arrived; each record is filled in bit by bit."""
        return self._conditions.records

    def count(self, route: str | None = None, status: int | None = None) -> int:
        """Return how many recorded requests there are to this route and with this status.

        Args:
            route: As in `RequestRecord.route`; every route if None.
            status: As in `RequestRecord.status`; every status if None, and dropped connections.
        """
        return sum(
            (route is None or record.route == route) and (status is None or record.status == status)
            for record in self.record
        )

    def add_client(self, client_id: str, client_secret: str, organization: str = "default") -> None:
        """Register a further API client.

        Each API client has a queue of its own. Rate limits hold for an organization's clients
        together; the default client belongs to ``"default"``.
        """
        self._tokens.register(ApiClient(client_id, client_secret, organization))

    def issue_token(self, client_id: str) -> str:
        """Return a new access token of a registered API client.

        Raises:
            KeyError: If there is no such client.
        """
        client = self._tokens.client(client_id)
        if client is None:
            raise KeyError(client_id)
        return self._tokens.issue(client)

    def revoke_tokens(self) -> None:
        """Make every access token that was issued so far invalid."""
        self._tokens.revoke()

    async def remove_asset(self, asset_id: str) -> None:
        """Remove an asset of any API client, with its recording and results.

        If it is being enhanced, that stops. An unknown id is not an error: the asset may have been
        removed before.

        Args:
            asset_id: The asset's id, as the API gave it.
        """
        asset = self._state.assets().get(asset_id)
        if asset is not None and self._backend is not None:
            await self._backend.delete(asset)

    def share_done(self, enhancement_id: str) -> float | None:
        """Return how far a speech enhancement is, which the API does not tell.

        Args:
            enhancement_id: The speech enhancement's id, as the API gave it.

        Returns:
            The share of the recording that is enhanced, 0 to 1; None before it begins, when it is
            over, or if the enhancer does not know.
        """
        return self._queue.share_done(enhancement_id) if self._queue else None

    def notes(self, enhancement_id: str) -> tuple[str, ...]:
        """Return the enhancer's notes on one, such as damage; a restart loses them."""
        enhancement = self._state.enhancements().get(enhancement_id)
        return enhancement.notes if enhancement is not None else ()

    def why_failed(self, enhancement_id: str) -> "EnhancerError | None":
        """Return why a speech enhancement failed, which the API does not tell.

        Args:
            enhancement_id: The speech enhancement's id, as the API gave it.

        Returns:
            The enhancer's error; None if there was none, or the id is unknown.
        """
        enhancement = self._state.enhancements().get(enhancement_id)
        return enhancement.reason if enhancement is not None else None

    @property
    def stored_bytes(self) -> int:
        """The bytes of recordings and results that are kept on this machine's disk."""
        return self._store.stored_bytes

    @property
    def queue_busy_seconds(self) -> float:
        """How many seconds enhancements took so far, for all API clients together."""
        return self._queue.busy_seconds if self._queue else 0.0

    def queue_usage(self, client_id: str | None = None) -> QueueUsage:
        """Return how busy the queue of an API client was kept, the default one's if None."""
        return self._queue.usage(client_id or self.client_id) if self._queue else QueueUsage()


def _new_secret() -> str:
    return f"local-{secrets.token_urlsafe(24)}"


def _default_enhancer() -> "Enhancer":
    # It brings a decoder and a neural network along: only for those who want to hear something.
    from audio_enhance.local.enhancer import SpeechEnhancer

    return SpeechEnhancer()
