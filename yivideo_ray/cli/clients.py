"""`yivideo submit`, `status`, `watch`, `cancel`, `retry`, `list` and `fetch`: clients of the service."""

from __future__ import annotations

import argparse
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yivideo_ray.cli.arguments import (
    EXIT_FAILED,
    load,
    names,
    report,
    report_outcomes,
    stage,
    take_stdout,
    write_json,
)
from yivideo_ray.errors import ConfigError, YivideoError
from yivideo_ray.locations import Url, location_named, location_of

if TYPE_CHECKING:
    from yivideo_ray.cli.arguments import Commands
    from yivideo_ray.http.client import Client
    from yivideo_ray.jobs import Event, Outcome

__all__ = ["add"]

NOTES = """\
The service is the one at --url, else where serve.host and serve.port of the settings have it; the first of serve.keys
is sent as the key, from the settings or the environment: YIVIDEO_SERVE__KEYS='["..."]'.
"""


def add(commands: Commands) -> None:
    """Adds the subcommands."""
    submit = _client(
        commands, "submit", _submit, "give videos to the service", "Prints the id of each VIDEO's workflow."
    )
    submit.add_argument("videos", nargs="+", type=location_named, metavar="VIDEO", help="a video file or address")
    submit.add_argument("--upload", action="store_true", help="send the file, and not only its path")
    submit.add_argument("--stages", metavar="A,B", help="run these stages only (yivideo run --help names them)")
    submit.add_argument("--layers", metavar="A,B", help="layers of text to take: auto, all, or numbers such as 1,3")
    submit.add_argument("--priority", choices=["interactive", "batch"], default="batch", help="who goes first")
    submit.add_argument("--callback", metavar="URL", help="is told how the workflow ended")
    submit.add_argument("--key", metavar="KEY", help="Idempotency-Key: the same one gives the same workflow")
    submit.add_argument("--watch", action="store_true", help="wait for the end, as yivideo watch does")
    submit.add_argument("--json", action="store_true", help="JSON lines on standard output")

    status = _client(
        commands,
        "status",
        _status,
        "a workflow of the service, or the GPU actors of a cluster",
        "Prints workflows of the service as JSON lines. Without an ID: what the GPU actors of the cluster at "
        "RAY_ADDRESS are doing, as JSON; starts none. Exit code then: 0 if one is ready.",
    )
    status.add_argument("workflows", nargs="*", metavar="ID", help="a workflow's id")

    watch = _client(
        commands, "watch", _watch, "wait for workflows", "Shows workflows until they end; exit code 1 if one failed."
    )
    watch.add_argument("workflows", nargs="+", metavar="ID", help="a workflow's id")
    watch.add_argument("--json", action="store_true", help="JSON lines on standard output, also on a terminal")

    for name, what in (("cancel", "cancel workflows"), ("retry", "run workflows again that failed or were cancelled")):
        changed = _client(commands, name, _change, what, f"Asks to {what}, and prints each one's new state.")
        changed.add_argument("workflows", nargs="+", metavar="ID", help="a workflow's id")
        changed.set_defaults(call=name)

    listed = _client(commands, "list", _list, "workflows of the service", "Lists workflows, the newest first.")
    listed.add_argument("--state", metavar="A,B", help="only those: PENDING, IN_PROGRESS, SUCCESS, FAILED, CANCELLED")
    listed.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (50)")
    listed.add_argument("--json", action="store_true", help="JSON lines on standard output")

    fetch = _client(commands, "fetch", _fetch, "subtitles from the service", "Writes the subtitles of workflows here.")
    fetch.add_argument("workflows", nargs="+", metavar="ID", help="a workflow's id")
    fetch.add_argument("-o", "--output", type=Path, metavar="DIR", default=Path(), help="write there")
    fetch.add_argument("--format", metavar="A,B", default="srt", help="srt, vtt, ass, txt, json (srt)")
    fetch.add_argument("--language", metavar="CODE", help="only the lines in one language, such as zh or en")
    fetch.add_argument("--overwrite", action="store_true", help="replace other files of these names")


def _client(
    commands: Commands,
    name: str,
    command: Callable[[argparse.Namespace], int],
    what: str,
    description: str,
) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=description, epilog=NOTES, formatter_class=raw
    )
    parser.add_argument("--url", help="the service (else the settings')")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    parser.set_defaults(command=command)
    return parser


def _open(options: argparse.Namespace) -> Client:
    from yivideo_ray.http.client import Client

    return Client(options.url, settings=load(options.config).serve)


def _submit(options: argparse.Namespace) -> int:
    machine = take_stdout()
    if options.key is not None and len(options.videos) > 1:
        raise ConfigError("One key is for one video.", remedy="Leave out --key, or submit the videos one by one.")
    if options.upload and any(isinstance(given, Url) for given in options.videos):
        raise ConfigError("What is at an address is not uploaded.", remedy="Leave out --upload; the service reads it.")
    body: dict[str, Any] = {"priority": options.priority}
    if config := _workflow_config(options):
        body["workflow_config"] = config
    if options.callback is not None:
        body["callback_url"] = options.callback
    made = []
    with _open(options) as client:
        for given in options.videos:
            if options.upload:
                found = client.submit(body, upload=given, key=options.key)
            else:
                named = given.text if isinstance(given, Url) else os.path.abspath(given)  # noqa: PTH100
                found = client.submit({**body, "video_path": named}, key=options.key)
            made.append(found["workflow_id"])
            if not options.watch:
                if options.json:
                    write_json(machine, found, indent=None)
                else:
                    machine.write(f"{found['workflow_id']}\n")
                    machine.flush()
        return _watch_all(client, made, machine, options.json) if options.watch else 0


def _workflow_config(options: argparse.Namespace) -> dict[str, Any]:
    """Errors: ConfigError for a stage or a layer that is none."""
    config: dict[str, Any] = {}
    if options.stages is not None:
        config["workflow_chain"] = [stage(name).value for name in names(options.stages)]
    if options.layers is not None:
        from yivideo_ray.config import layer_choice
        from yivideo_ray.types import Stage

        config["parameters"] = {Stage.POSTPROCESS_AND_FINALIZE.value: {"layers": layer_choice(options.layers)}}
    return config


def _status(options: argparse.Namespace) -> int:
    machine = take_stdout()
    if not options.workflows:
        return _cluster_status(options, machine)
    with _open(options) as client:
        for workflow_id in options.workflows:
            write_json(machine, client.get(workflow_id), indent=None)
    return 0


def _cluster_status(options: argparse.Namespace, machine: Any) -> int:
    settings = load(options.config)
    if os.environ.get("RAY_ADDRESS", "local") in ("", "local"):
        raise ConfigError(
            "RAY_ADDRESS names no cluster to look at.",
            remedy="Set it to the address of the cluster, host:port, or name a workflow of the service.",
        )
    from yivideo_ray.runtime.session import Session

    with Session(settings) as opened:
        found = opened.status()
    write_json(machine, found)
    return 0 if any(actor["ready"] for actor in found["gpu_actors"]) else EXIT_FAILED


def _watch(options: argparse.Namespace) -> int:
    machine = take_stdout()
    with _open(options) as client:
        return _watch_all(client, list(dict.fromkeys(options.workflows)), machine, options.json)


def _watch_all(client: Client, workflows: list[str], machine: Any, as_json: bool) -> int:
    """Shows all of them at once, each watched by a thread, until the last one has ended."""
    from yivideo_ray.cli.display import display

    told: queue.Queue[Event | tuple[str, Outcome] | YivideoError] = queue.Queue()

    def watch(workflow_id: str) -> None:
        try:
            found = client.watch(workflow_id, told.put)
            told.put((workflow_id, client.outcome(found)))
        except YivideoError as error:
            told.put(error)

    for workflow_id in workflows:
        # They end with the process: who interrupts it waits for none of them.
        threading.Thread(target=watch, args=(workflow_id,), daemon=True).start()
    outcomes: dict[str, Outcome] = {}
    with display(machine, as_json) as shown:
        while len(outcomes) < len(workflows):
            match told.get():
                case YivideoError() as error:
                    raise error
                case (str() as workflow_id, outcome):
                    outcomes[workflow_id] = outcome
                case event:
                    shown.take(event)
        ended = [outcomes[workflow_id] for workflow_id in workflows]
        shown.end(ended)
    return report_outcomes(ended)


def _change(options: argparse.Namespace) -> int:
    machine = take_stdout()
    with _open(options) as client:
        for workflow_id in options.workflows:
            found = getattr(client, options.call)(workflow_id)
            state = "cancelling" if found["cancelling"] else found["state"]
            machine.write(f"{workflow_id} {state}\n")
            machine.flush()
    return 0


def _list(options: argparse.Namespace) -> int:
    machine = take_stdout()
    states = [] if options.state is None else names(options.state.upper())
    with _open(options) as client:
        for found in client.list(states, options.limit):
            if options.json:
                write_json(machine, found, indent=None)
            else:
                name = " ".join(found["video"].split("\n"))
                machine.write(f"{found['workflow_id']}  {found['state']:<11}  {found['percent']:>5.1f} %  {name}\n")
    machine.flush()
    return 0


def _fetch(options: argparse.Namespace) -> int:
    take_stdout()
    from yivideo_ray.files import write_together
    from yivideo_ray.jobs import Job
    from yivideo_ray.runtime.workflow.outputs import output_path, require_writable
    from yivideo_ray.runtime.workflow.own_files import require_same_or_none

    require_writable(options.output)
    with _open(options) as client:
        for workflow_id in options.workflows:
            job = Job(location_of(client.get(workflow_id)["video"]), output_dir=options.output)
            files = {}
            for name in names(options.format):
                language = None if name == "json" else options.language
                mark = "" if language is None else f".{language}"
                files[output_path(job, f"{mark}.{name}")] = client.subtitles(workflow_id, name, language)
            if not options.overwrite:
                require_same_or_none(files)
            write_together(files)
            for path in files:
                report(f"{workflow_id}: {path}")
    return 0
