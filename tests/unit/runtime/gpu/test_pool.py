"""Which of several actors gets a call, and how many there are."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError, DeviceError
from yivideo_ray.runtime.cluster import Cluster
from yivideo_ray.runtime.gpu.calls import CallKind, Reply, Ticket
from yivideo_ray.runtime.gpu.link import gpu_share, pool_name
from yivideo_ray.runtime.gpu.pool import ActorPool, actors_wanted
from yivideo_ray.types import EngineFacts


def cluster(gpus: float) -> Cluster:
    return Cluster(cpus=4, gpus=gpus, nodes=2, joined=True, connected_here=False, namespace="n")


def settings(**gpu: Any) -> Settings:
    return Settings.model_validate({"gpu": gpu})


@pytest.mark.parametrize(
    ("gpu", "gpus", "wanted"),
    [
        ({}, 4, 1),
        ({}, 0, 1),
        ({"actors": "auto"}, 4, 4),
        ({"actors": "auto"}, 0, 1),
        ({"actors": "auto", "device": "cpu"}, 4, 1),
        ({"actors": 2}, 4, 2),
        ({"actors": 3, "device": "cpu"}, 0, 3),
        ({"actors": "auto", "per_device": 3}, 2, 6),
        ({"actors": 5, "per_device": 3}, 2, 5),
        ({"actors": "auto", "per_device": 3}, 0, 1),
        ({"per_device": 4}, 1, 1),
    ],
)
def test_the_setting_and_the_cluster_say_how_many(gpu: dict[str, Any], gpus: float, wanted: int) -> None:
    assert actors_wanted(settings(**gpu), cluster(gpus)) == wanted


@pytest.mark.parametrize(
    ("gpu", "gpus"), [({"actors": 3}, 2), ({"device": "gpu"}, 0), ({"actors": 5, "per_device": 2}, 2)]
)
def test_more_than_there_are_is_an_error(gpu: dict[str, Any], gpus: float) -> None:
    with pytest.raises(DeviceError) as caught:
        actors_wanted(settings(**gpu), cluster(gpus))
    assert caught.value.code.name == "DEVICE_UNAVAILABLE"


@pytest.mark.parametrize("per_device", range(1, 17))
def test_so_many_actors_as_share_a_gpu_find_place_on_it_and_no_more(per_device: int) -> None:
    # Ray counts in ten-thousandths.
    share = round(gpu_share(per_device) * 10_000)
    assert share == pytest.approx(gpu_share(per_device) * 10_000)
    assert share * per_device <= 10_000 < share * (per_device + 1)


def test_actors_are_told_apart_by_what_their_answers_and_their_process_rest_on() -> None:
    assert pool_name(settings()) == pool_name(settings(actors=3)) == pool_name(settings(decode_lanes=2))
    assert len({pool_name(settings()), pool_name(settings(per_device=2)), pool_name(settings(fallback="cpu"))}) == 3


class Actor:
    """A link to an actor with so many calls of others; None: it doesn't answer."""

    def __init__(self, busy: int | None, fails: bool = False) -> None:
        self.busy = busy
        self.fails = fails
        self.in_flight = 0
        self.served = 0

    async def load(self) -> int:
        if self.busy is None:
            raise CallError("silent")
        return self.busy

    async def send(self, ticket: Ticket, payload: tuple[Any, ...]) -> Reply:
        self.in_flight += 1
        self.served += 1
        await asyncio.sleep(0)
        return Reply(self, 0, 0)

    async def ready(self) -> EngineFacts:
        if self.fails:
            raise DeviceError("no place")
        return EngineFacts("e", "gpu:0", "p", "d", "r")

    async def is_back(self) -> bool:
        return not self.fails


def pool(*actors: Actor) -> ActorPool:
    made = ActorPool(settings(actors=len(actors)), cluster(len(actors)))
    made._made = list(actors)  # type: ignore[arg-type]  # stand-ins
    return made


def send(target: ActorPool, calls: int) -> None:
    async def run() -> None:
        ticket = Ticket(CallKind.PERFORM_OCR, "w", "w/p/0", 1)
        for _ in range(calls):
            await target.send(ticket, lambda *_: None)

    asyncio.run(run())


def test_the_least_busy_actor_gets_the_call() -> None:
    actors = [Actor(3), Actor(1), Actor(2)]
    send(pool(*actors), 1)
    assert [actor.served for actor in actors] == [0, 1, 0]


def test_equally_busy_actors_get_equally_many() -> None:
    actors = [Actor(0), Actor(0), Actor(0)]
    send(pool(*actors), 12)
    assert Counter(actor.served for actor in actors) == {4: 3}


def test_what_was_sent_and_has_not_arrived_counts() -> None:
    actors = [Actor(0), Actor(2)]
    actors[0].in_flight = 3
    send(pool(*actors), 1)
    assert [actor.served for actor in actors] == [0, 1]


def test_one_that_does_not_answer_gets_nothing_unless_none_does() -> None:
    silent, busy = Actor(None), Actor(99)
    send(pool(silent, busy), 3)
    assert (silent.served, busy.served) == (0, 3)
    silent = Actor(None)
    send(pool(silent, Actor(None)), 4)
    assert silent.served == 2


def test_one_that_is_ready_is_enough_and_if_none_gets_ready_its_error_is_told() -> None:
    facts = asyncio.run(pool(Actor(0, fails=True), Actor(0)).ready())
    assert facts.device == "gpu:0"
    assert asyncio.run(pool(Actor(0, fails=True), Actor(0)).is_back())
    with pytest.raises(DeviceError, match="no place"):
        asyncio.run(pool(Actor(0, fails=True), Actor(0, fails=True)).ready())
