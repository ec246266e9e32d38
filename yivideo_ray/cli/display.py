"""What a watcher of workflows sees: a live table on a terminal, JSON lines elsewhere.

progress.py turns events into figures; the two displays only draw.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from yivideo_ray.codec import text
from yivideo_ray.jobs import Event, Outcome
from yivideo_ray.progress import NO_CUES_THOUGH_TEXT, ProgressTracker, WorkflowProgress, event_line, outcome_line
from yivideo_ray.types import STAGES

__all__ = ["JsonLines", "LiveTable", "display", "summary"]


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """Returns the lines that tell a person how successful workflows ended, and what to know about their results."""
    lines = []
    for outcome in outcomes:
        if not outcome.succeeded:
            continue
        name = text(outcome.video.name)
        finalized = any(record.stage is STAGES[-1] for record in outcome.stages)
        found = _found(outcome) if finalized else ""
        where = ", ".join(text(str(path)) for path in outcome.outputs)
        device = f" (models on {outcome.engine.device})" if outcome.engine else ""
        if outcome.already_done:
            found, device = ", ".join(("already done", *filter(None, [found]))), "; --again does it again"
        lines.append(f"{name}: {found or 'done'}{device}: {where}")
        if outcome.partial:
            lines.append(f"{name}: PARTIAL: {_decoded(outcome)}")
        # The others were told when it was done.
        warnings = (one for one in outcome.warnings if not outcome.already_done or one.code in NO_CUES_THOUGH_TEXT)
        lines.extend(f"{name}: warning: {text(warning.message)}" for warning in warnings)
    return lines


def _found(outcome: Outcome) -> str:
    if outcome.cues:
        return f"{len(outcome.cues)} cues"
    return "text was seen, but none was taken" if outcome.left_all_text else "no subtitles found"


def _decoded(outcome: Outcome) -> str:
    if outcome.decoded_s is None:
        return "only what was sampled of the video was looked at"
    return f"{outcome.decoded_s:.1f} of {outcome.expected_s or 0:.1f} s were decoded"


def display(stream: IO[str], as_json: bool, videos: Sequence[str] = ()) -> JsonLines | LiveTable:
    """Returns the live table on a terminal, unless JSON is asked for, and JSON lines elsewhere."""
    return LiveTable(stream, videos) if stream.isatty() and not as_json else JsonLines(stream)


class JsonLines:
    """Writes one JSON object a line, each at once."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def take(self, event: Event) -> None:
        self._write(event_line(event))

    def end(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._write(outcome_line(outcome))

    def _write(self, line: dict[str, Any]) -> None:
        self._stream.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        self._stream.flush()


class LiveTable:
    """A table that redraws itself on a terminal: per workflow stage, percent, frames/s, time left, device.

    videos: which come first, in this order; others follow in the order of their first events.
    """

    def __init__(self, stream: IO[str], videos: Sequence[str] = ()) -> None:
        from rich.console import Console
        from rich.live import Live

        self._tracker = ProgressTracker()
        self._places = {video: place for place, video in enumerate(videos)}
        self._live = Live(
            console=Console(file=stream), get_renderable=self._table, refresh_per_second=4, redirect_stdout=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def take(self, event: Event) -> None:
        self._tracker.take(event)

    def end(self, outcomes: Sequence[Outcome]) -> None:
        """Nothing: the last table stands."""

    def _table(self) -> Any:
        from rich.markup import escape
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for title in ("video", "stage", "", "%", "frames/s", "left", "device", ""):
            table.add_column(title, overflow="ellipsis", no_wrap=title != "")
        views = self._tracker.views.values()
        begun = any(view.stage is not None for view in views)
        for view in sorted(views, key=lambda view: self._places.get(view.video, len(self._places))):
            if not view.ended:
                view.now = time.time()
            speed, left = view.frames_per_s, view.left_s
            table.add_row(
                escape(text(Path(view.video).name)),
                "done" if view.ended and view.succeeded else "failed" if view.ended else _doing(view, begun),
                ProgressBar(total=1.0, completed=view.share, width=20),
                f"{view.share * 100:.0f}",
                "" if speed is None else f"{speed:.0f}",
                "" if left is None else _clock(left),
                view.device,
                escape(text(view.message)),
            )
        return table


def _doing(view: WorkflowProgress, begun: bool) -> str:
    """Returns what a video is about. begun: whether any of all is at work."""
    if view.stage is None:
        return "waiting" if begun else "starting"
    # Between stages it may be other videos' turn.
    return "waiting" if view.stage in view.stages_done else view.stage.value.partition(".")[2].replace("_", " ")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
