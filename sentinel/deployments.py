"""Judges in, the same judges as deployments of Ray Serve out (the extra `ray`).

Each judge is a Serve application of its own. What stands in its place here is a judge that
forwards samples; its worker keeps its queue and deadlines as it does any judge's, so that a
replica that dies, hangs or breaks becomes a fault with the judge's name.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import pickle
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentinel import __version__, registry
from sentinel.cluster import joined
from sentinel.contracts import Loads, Once, Options, Runtime, Sample
from sentinel.errors import MissingRequirement, Unavailable
from sentinel.judging import Answer
from sentinel.process import give_memory_back, hold_back_threads
from sentinel.worker import Floor, Worker

WHO = "--judges ray"

SHARE = 0.1
"""Of a core, and of a GPU where models run on one, that a replica asks for. It says where replicas
find room, not what they may use: a policy of eight judges must fit a node of two cores."""

GATHERING = 0.01
"""Seconds that a batch waits for more samples: a tenth of a call of the judges that take batches.
A worker here sends what it has at once; this is for samples of several servers."""

ABANDONED = 600.0
"""Seconds after which a replica leaves a call that hangs to itself and goes on in another thread.
The caller's own deadline, the rule's, is far shorter."""

BACK_AGAIN = 10.0
"""Seconds until Serve has put another replica in the place of one that died."""


class Replica:
    """The judge over there, in a process of its own; Serve makes and replaces it."""

    def __init__(self, name: str, options: Options, runtime: Runtime) -> None:
        """Loads the judge. What keeps it from loading is kept and told, since Serve would retry."""
        hold_back_threads(runtime.threads)
        give_memory_back()
        self._trouble: Exception | None = None
        try:
            self._seat(name, registry.make("judge", name, options), runtime)
        except Exception as error:  # noqa: BLE001 - foreign code; the server that asked is told
            self._trouble = _portable(error)

    def _seat(self, name: str, judge: Any, runtime: Runtime) -> None:
        if isinstance(judge, Loads):
            judge.load(runtime)
        most = int(getattr(judge, "batch_size", 1))
        self._worker: Worker[Sample, Answer] = Worker(
            "judge", name, judge.judge, Floor(1), batch=most, waiting=2 * ongoing_for(most)
        )
        self._answers = self._asked
        if most > 1:
            gather = _serve().batch(max_batch_size=most, batch_wait_timeout_s=GATHERING)
            self._batched = gather(self._asked_together)
            self._answers = self._in_company

    async def trouble(self) -> Exception | None:
        """What keeps the judge from being asked; None where nothing does."""
        return self._trouble

    async def judge(self, sample: Sample) -> Answer | Exception:
        """One sample's answer, or what was raised instead."""
        return await self._answers(sample)

    async def _asked(self, sample: Sample) -> Answer | Exception:
        try:
            return await self._worker.ask(sample, ABANDONED)
        except Exception as error:  # noqa: BLE001 - foreign code; it is raised again over here
            return _portable(error)

    async def _asked_together(self, samples: list[Sample]) -> list[Answer | Exception]:
        return list(await asyncio.gather(*(self._asked(sample) for sample in samples)))

    async def _in_company(self, sample: Sample) -> Answer | Exception:
        answer: Answer | Exception = await self._batched(sample)
        return answer


class Deployed:
    """The judge over here: forwards samples to its replicas."""

    def __init__(self, deployments: Deployments, name: str, options: Options, judge: Any) -> None:
        """`judge`: one that is not loaded; it tells what it is."""
        self.version = str(judge.version)
        self.reads = tuple(getattr(judge, "reads", ()))
        self.batch_size = int(getattr(judge, "batch_size", 1))
        self._deployments, self._name, self._options = deployments, name, options
        self._handle: Any = None

    def load(self, runtime: Runtime) -> None:
        """Wait until a replica has loaded the judge; raises what kept it from that."""
        served = Served(self._name, self.version, self._options, runtime, self.batch_size)
        self._handle = self._deployments.handle(served)

    def judge(self, samples: Sequence[Sample]) -> list[Answer]:
        """The answers of the replicas, in order; raises what they raised. Blocking."""
        import ray.exceptions  # noqa: PLC0415 - an extra

        try:
            sent = [
                self._handle.judge.remote(self._deployments.shared(sample)) for sample in samples
            ]
            answers = [each.result() for each in sent]
        except ray.exceptions.RayError as error:
            what = f"the Ray Serve replica of judge {self._name!r}"
            raise Unavailable(what, type(error).__name__, BACK_AGAIN) from error
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


@dataclass(frozen=True, slots=True)
class Served:
    """What an application serves: one judge with its options, on one kind of device."""

    judge: str
    version: str
    options: Options
    runtime: Runtime
    batch: int

    @property
    def title(self) -> str:
        """The application's name: the same for servers that want the same."""
        told = (__version__, self.version, self.options, asdict(self.runtime))
        digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
        return f"sentinel-{self.judge}-{digest.hexdigest()[:12]}"


class Deployments:
    """Ray as one house uses it: joined once, an application for each judge and its options.

    On a cluster the applications stay when this server ends: other servers, and its own next
    start, find them there by their names. A Ray that was started for this server ends with it.
    """

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._ray: Any = None
        self._mine = False
        self._replicas = 1
        self._handles = Once()
        self._deploying = threading.Lock()  # Serve pickles in ways that two threads disturb

    def connect(self) -> None:
        """Join Ray and start Serve, without its HTTP proxy. Blocking; raises as `joined`."""
        self._ray, self._mine = joined(WHO)
        serve = _serve()
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        serve.start(proxy_location="Disabled")
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        self._replicas = max(1, sum(bool(node["Resources"].get("CPU")) for node in alive))

    def of(self, name: str, options: Options, judge: Any) -> tuple[Deployed, ...]:
        """Who stands here for a judge: one for each of its replicas, so that all are kept busy."""
        return tuple(Deployed(self, name, options, judge) for _ in range(self._replicas))

    def handle(self, served: Served) -> Any:
        """Where to ask a judge, deployed where it is not yet. Blocking until it has loaded.

        Raises what kept it from loading; then nothing of it stays, so that the next start tries.
        """
        return self._handles(served.title, lambda: self._deploy(served))

    def shared(self, sample: Sample) -> Any:
        """Where every judge's replicas find the sample: written once, gone with it."""
        return sample.once("in Ray's object store", lambda: self._ray.put(sample))

    def close(self) -> None:
        """Leave Ray; end it where it was started here. Blocking."""
        if self._mine:
            self._ray.shutdown()

    def _deploy(self, served: Served) -> Any:
        serve = _serve()
        with self._deploying:
            known = serve.status().applications.get(served.title)
            if known is not None and known.status == "RUNNING":
                return serve.get_app_handle(served.title)
            bound = self._replica(served).bind(served.judge, served.options, served.runtime)
            target = serve.RunTarget(bound, name=served.title, route_prefix=None)
            (handle,) = serve.run_many([target], wait_for_applications_running=False)
        trouble: Exception | None = handle.trouble.remote().result()
        if trouble is not None:
            with self._deploying:
                serve.delete(served.title)
            raise trouble
        return handle

    def _replica(self, served: Served) -> Any:
        needs = {"num_gpus": SHARE} if served.runtime.device.startswith("cuda") else {}
        return _serve().deployment(Replica).options(
            name=served.judge,
            num_replicas=self._replicas,
            max_ongoing_requests=ongoing_for(served.batch),
            ray_actor_options={"num_cpus": SHARE, **needs},
        )  # fmt: skip


def _serve() -> Any:
    try:
        from ray import serve  # noqa: PLC0415 - an extra
    except ImportError as error:
        remedy = "pip install 'sentinel-gatekeeper[ray]'"
        raise MissingRequirement(WHO, "Ray Serve", remedy) from error
    return serve


def ongoing_for(batch: int) -> int:
    """Samples that a replica takes at once: what it is working at, and the next batch."""
    return 2 * batch


def _portable(error: Exception) -> Exception:
    """The error if it survives the way, else one that says the same."""
    try:
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled in this line
    except Exception:  # noqa: BLE001 - whatever foreign errors do when they are taken apart
        again = None
    alike = type(again) is type(error) and str(again) == str(error)
    return error if alike else RuntimeError(f"{type(error).__name__}: {error}")
