"""What a request for a workflow may ask, and what it changes in one that is there. Pure."""

from __future__ import annotations

import json
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError, ServiceError
from yivideo_ray.jobs import StageStatus
from yivideo_ray.runtime.workflow.plan import plan
from yivideo_ray.service.contract import TERMINAL, ExecutionMode, WorkflowRequest, WorkflowState
from yivideo_ray.service.parameters import with_parameters
from yivideo_ray.service.rows import Row, chain_of, dumped, stages_of
from yivideo_ray.types import Stage

__all__ = ["changes", "check"]


def check(request: WorkflowRequest, settings: Settings) -> None:
    """Errors: ConfigError CHAIN_INVALID, CONFIG_INVALID; ServiceError REQUEST_INVALID for a new workflow without a
    video."""
    if request.video is None:
        raise ServiceError("The request names no video.", code="REQUEST_INVALID")
    plan(request.chain, None, frozenset())
    with_parameters(settings, request.chain, request.parameters)


def changes(request: WorkflowRequest, settings: Settings, row: Row) -> dict[str, Any]:
    """Returns the columns of a workflow that a request in mode RETRY or INCREMENTAL changes.

    RETRY keeps the chain, and is for what failed or was cancelled; INCREMENTAL has a chain that the stored one is a
    prefix of. Parameters are for stages that are not done. Errors: ServiceError WORKFLOW_STATE_CONFLICT; ConfigError
    CHAIN_INVALID, CONFIG_INVALID.
    """
    state, stored = WorkflowState(row["state"]), chain_of(row)
    chain = stored if request.mode is ExecutionMode.RETRY else request.chain
    if state not in TERMINAL:
        raise _conflict(row, f"is {state}", "Wait until it has ended, or cancel it.")
    if request.mode is ExecutionMode.RETRY and state is WorkflowState.SUCCESS:
        raise _conflict(row, "has succeeded", "Use execution_mode incremental to add stages, or full to do it anew.")
    if chain[: len(stored)] != stored:
        raise ConfigError(
            f"The chain does not begin with the workflow's own: {', '.join(stored)}.",
            code="CHAIN_INVALID",
            remedy="Name the stored chain's stages first, and then those to add.",
        )
    if state is WorkflowState.SUCCESS and chain == stored:
        raise _conflict(row, "has done all of these stages", "Name stages to add, or use execution_mode full.")
    plan(chain, None, frozenset())
    done = {stage for stage, record in stages_of(row).items() if record.status is StageStatus.SUCCESS}
    for name in request.parameters:
        if name in done:
            raise ConfigError(
                f"Parameters are given for {name}, which is done and kept.",
                remedy="Use execution_mode full to do it with other parameters.",
            )
    parameters = {**json.loads(row["parameters"]), **{name: dict(given) for name, given in request.parameters.items()}}
    with_parameters(settings, chain, parameters)
    changed: dict[str, Any] = {
        "chain": dumped([Stage(stage).value for stage in chain]),
        "parameters": dumped(parameters),
    }
    if request.callback_url is not None:
        changed["callback_url"] = request.callback_url
    return changed


def _conflict(row: Row, why: str, remedy: str) -> ServiceError:
    return ServiceError(
        f"The workflow {row['workflow_id']} {why}.",
        code="WORKFLOW_STATE_CONFLICT",
        remedy=remedy,
        state=str(row["state"]),
    )
