"""Serves the calls to the GPU actor: one, or several with their engine's calls made as one. No Ray."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from yivideo_ray.ocr.contract import Asking, EngineCall, OcrEngine
from yivideo_ray.runtime.gpu.calls import ASKING, SERVED, Ticket
from yivideo_ray.runtime.gpu.lane import is_fatal

__all__ = ["serve", "work_together"]


def serve(engine: OcrEngine, calls: Sequence[tuple[Ticket, tuple[Any, ...]]]) -> list[Any]:
    """Returns the result of each call with its payload. Several must be of one kind that may join others.

    Errors: those of the only call's stage; of several, whichever means that the device is lost. Another one takes its
    call's place among the results, as an exception.
    """
    if len(calls) == 1:
        ((ticket, payload),) = calls
        return [SERVED[ticket.kind](engine, *payload)]
    try:
        return work_together([ASKING[ticket.kind](*payload) for ticket, payload in calls], engine)
    except Exception as error:
        if is_fatal(error):
            raise
        # The engine refused something of one of them: each alone, so that no other has to do with it.
        return [_alone(engine, ticket, payload) for ticket, payload in calls]


def work_together(works: Sequence[Asking[Any]], engine: OcrEngine) -> list[Any]:
    """Returns what each work returns, or the exception that it raised. Errors: those of the engine's methods."""
    results: list[Any] = [None] * len(works)
    asked: dict[int, EngineCall] = {}

    def go_on(number: int, answer: Any) -> None:
        try:
            asked[number] = works[number].send(answer)
        except StopIteration as end:
            results[number] = end.value
        except Exception as error:
            results[number] = error

    for number in range(len(works)):
        go_on(number, None)
    while asked:
        # Lines are read when nobody is looking for lines any more, so that all of them are read at once.
        looking = [number for number, call in asked.items() if call.method == "detect"]
        turn = [(number, asked.pop(number)) for number in looking or list(asked)]
        images = [image for _, call in turn for image in call.images]
        answers = iter(EngineCall(turn[0][1].method, images).made(engine))
        for number, call in turn:
            go_on(number, list(islice(answers, len(call.images))))
    return results


def _alone(engine: OcrEngine, ticket: Ticket, payload: tuple[Any, ...]) -> Any:
    try:
        return SERVED[ticket.kind](engine, *payload)
    except Exception as error:
        if is_fatal(error):
            raise
        return error
