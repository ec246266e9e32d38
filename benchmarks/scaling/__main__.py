"""Measures how the CPU stages scale with nodes, and simulates more of them than one machine has.

    python -m benchmarks.scaling [--minutes N] [--runs N] [--film-minutes N] [--json FILE] [--plot FILE]

starts a Ray cluster of two nodes on this machine (Ray's own cluster utilities), each with all of its processes bound to
a core of its own, as on a machine of one core; the driver runs on the first. Then it crops all chunks and stitches all
groups of a 720p25 video with a cue every 2 to 3 s, in turn on the first node and on both, with warm workers. Figures
are medians. The ratio needs both cores: `others` is the share of all cores that other processes had.

From the times measured on one node it then SIMULATES a longer video on 1, 2, 4, 16 and 64 nodes of one core each: the
CPU stages alone, and whole workflows with one device, which takes as long for a group of crops as the engine took here,
alone on this machine. No such cluster was run. Exit code: 0 if two nodes reach the limit, 1 if not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.corpus.making import ensure_corpus
from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment
from benchmarks.instruments.plots import draw_scaling as draw
from benchmarks.instruments.usage import CpuUse, cpu_use, medians
from benchmarks.instruments.videos import find_area, minute_spec, repeat
from benchmarks.scaling.model import Times, cpu_stages_s, repeated, workflow_s
from yivideo_ray.config import Settings
from yivideo_ray.media import plan_chunks, probe
from yivideo_ray.ocr import create_engine
from yivideo_ray.runtime import cluster as clusters
from yivideo_ray.stages.crop_subtitle_images import CROPS_PER_PART, keep_uncovered
from yivideo_ray.stages.perform_ocr import perform_ocr
from yivideo_ray.types import ChunkReport, ChunkSpan, CropMeta, SubtitleArea, VideoInfo

if TYPE_CHECKING:
    # Ray reads its environment when this imports it.
    from yivideo_ray.runtime.workflow.decoding import Pictures

__all__ = ["draw", "main", "report"]

LIMIT = 1.8
NODES = (1, 2, 4, 16, 64)
# What a task asks for to run on the first node.
FIRST = "first_node"
STORE_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Work:
    """What the CPU stages are measured on."""

    info: VideoInfo
    spans: tuple[ChunkSpan, ...]
    area: SubtitleArea
    settings: Settings

    def crop(self, nodes: int) -> list[Any]:
        """Returns, for each chunk, the references that its task yields."""
        from yivideo_ray.runtime.workflow import tasks

        crop = tasks.crop_chunk.options(**_place(nodes))
        return [crop.remote(self.info, span, self.area, self.settings.decoder) for span in self.spans]

    def stitch(self, group: Sequence[_Pick], nodes: int) -> Any:
        """Returns references to the sizes of the group's sheets, and to the sheets."""
        from yivideo_ray.runtime.workflow import tasks

        return tasks.stitch.options(**_place(nodes)).remote(
            *tasks.to_stitch((meta, *pictures.at(index)) for meta, pictures, index in group)
        )


# A crop, its chunk's pictures, and its place among them.
_Pick: TypeAlias = "tuple[CropMeta, Pictures, int]"


def _place(nodes: int) -> dict[str, Any]:
    return {"resources": {FIRST: 0.001}} if nodes == 1 else {}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run took, the chunks' reports, the groups of crops, and the references that stitching each gave."""

    use: CpuUse
    reports: list[ChunkReport]
    groups: list[list[_Pick]]
    stitched: list[Any]


def run(work: Work, nodes: int) -> Ran:
    """Runs the CPU stages on so many nodes. Chunks are taken in order, as a workflow takes them, and a group of crops
    is stitched as soon as it is full."""
    import ray

    size = work.settings.pipeline.crops_per_call
    reports: list[ChunkReport] = []
    groups: list[list[_Pick]] = []
    stitched: list[Any] = []
    waiting: list[_Pick] = []
    covered: tuple[int, ...] = ()
    with cpu_use() as use:
        for chunk in work.crop(nodes):
            report, pictures = _cropped(chunk)
            indexes, metas, covered = keep_uncovered(report, covered)
            reports.append(report)
            waiting += [(meta, pictures, index) for index, meta in zip(indexes, metas, strict=True)]
            while len(waiting) >= size or (waiting and len(reports) == len(work.spans)):
                groups.append(waiting[:size])
                stitched.append(work.stitch(groups[-1], nodes))
                waiting = waiting[size:]
        ray.get([sizes for sizes, _ in stitched])
    return Ran(use, reports, groups, stitched)


def _cropped(chunk: Any) -> tuple[ChunkReport, Pictures]:
    """Returns what a chunk's task yields, when it has ended."""
    import ray

    from yivideo_ray.runtime.workflow.decoding import Pictures

    pictures = Pictures([], CROPS_PER_PART)
    for reference in chunk:
        found = ray.get(reference)
        if isinstance(found, ChunkReport):
            return found, pictures
        pictures.parts.append(next(chunk))
    raise AssertionError("a chunk ends with its report")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Returns every figure; see the module."""
    (truth,) = ensure_corpus([minute_spec()], options.out / "corpus")
    video = repeat(truth.video, options.minutes, options.out / "corpus" / f"speed_{options.minutes}_minutes.mp4")
    settings = Settings.model_validate({"storage": {"work_dir": options.out / "scaling"}})
    info = probe(video, settings.decoder)
    engine = create_engine(settings)
    facts = engine.load()
    area = find_area(info, settings, engine)
    work = Work(info, plan_chunks(info, settings.pipeline.chunk_s), area, settings)
    taken: dict[int, list[CpuUse]] = {1: [], 2: []}
    with _two_nodes():
        import ray

        for nodes in taken:
            run(work, nodes)  # starts the workers that later runs find
        for number in range(options.runs):
            print(f"run {number + 1} of {options.runs}", file=sys.stderr, flush=True)
            for nodes, uses in taken.items():
                ran = run(work, nodes)
                uses.append(ran.use)
                if nodes == 1:
                    on_one = ran
        sheets_of_groups = [ray.get(sheets) for _, sheets in on_one.stitched]
        before = time.perf_counter()
        ray.get([work.stitch(group, 1)[0] for group in on_one.groups])
        stitch_s = time.perf_counter() - before
    reports = on_one.reports
    before = time.perf_counter()
    for sheets in sheets_of_groups:
        perform_ocr(sheets, engine)
    device_s = time.perf_counter() - before
    engine.close()
    chunks_s = tuple(report.decode_s + report.analyse_s for report in reports)
    times = Times(
        chunks_s,
        tuple(len(report.crops) for report in reports),
        stitch_s=stitch_s / len(on_one.groups),
        device_s=device_s / len(on_one.groups),
        handover_s=max(0.0, on_one.use.wall_s - stitch_s - sum(chunks_s)) / len(chunks_s),
    )
    film = repeated(times, round(options.film_minutes * 60 / settings.pipeline.chunk_s))
    group = settings.pipeline.crops_per_call
    return {
        "environment": environment(facts),
        "video": f"{options.minutes} min of 720p25, a cue every 2 to 3 s, {len(work.spans)} chunks",
        "limit": LIMIT,
        "measured": {nodes: medians(uses) for nodes, uses in taken.items()},
        "ratio": statistics.median(a.wall_s / b.wall_s for a, b in zip(taken[1], taken[2], strict=True)),
        "runs": {nodes: [asdict(use) for use in uses] for nodes, uses in taken.items()},
        "times": asdict(times),
        "simulated": {
            "film_minutes": options.film_minutes,
            "rows": [_row(film, nodes, group) for nodes in NODES],
            "two_nodes_as_measured": cpu_stages_s(times, 1, group) / cpu_stages_s(times, 2, group),
        },
    }


@contextmanager
def _two_nodes() -> Iterator[None]:
    """Joins a cluster of two nodes with one core each, this process being on the first; it ends with the block.

    Errors: SystemExit where this process may not use two cores, or the system can't bind one to a core.
    """
    # What a thread starts may run where the thread may, so a node's processes stay on the core it was started on.
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) < 2:
        raise SystemExit("Two nodes of one core each need Linux and two cores. Run this on such a machine.")
    # Ray reads these when it is imported.
    os.environ.update(clusters.LOCAL_ENVIRONMENT)
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
    head = {**node, "num_gpus": 0, "include_dashboard": False, "resources": {FIRST: 1}}
    cluster: Any = Cluster()
    try:
        _bind(cores[0])
        cluster.add_node(**head)
        _bind(cores[1])
        cluster.add_node(**node)
        _bind(cores[0])
        cluster.wait_for_nodes()
        os.environ["RAY_ADDRESS"] = str(cluster.address)
        joined = clusters.start("scaling")
        try:
            yield
        finally:
            clusters.stop(joined)
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        cluster.shutdown()
        _bind(*cores)


def _bind(*cores: int) -> None:
    """Keeps every thread of this process, and what they will start, on these cores."""
    for thread in Path("/proc/self/task").iterdir():
        # A thread may have ended since it was listed.
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


def _row(film: Times, nodes: int, group: int) -> dict[str, float]:
    cpu, whole = cpu_stages_s(film, nodes, group), workflow_s(film, nodes, group)
    return {
        "nodes": nodes,
        "cpu_stages_s": cpu,
        "cpu_stages_ratio": cpu_stages_s(film, 1, group) / cpu,
        "workflow_s": whole,
        "workflow_ratio": workflow_s(film, 1, group) / whole,
    }


def report(figures: dict[str, Any]) -> str:
    """Returns the figures for people."""
    lines = [
        f"measured: {figures['video']}, CPU stages on nodes of one core each",
        f"{'nodes':>6} {'wall s':>8} {'CPU s':>8} {'others':>7}",
    ]
    for nodes, told in figures["measured"].items():
        lines.append(f"{nodes:>6} {told['wall_s']:8.2f} {told['cpu_s']:8.2f} {told['others']:7.0%}")
    reached = "reached" if figures["ratio"] >= figures["limit"] else "MISSED"
    simulated = figures["simulated"]
    lines += [
        f"ratio {figures['ratio']:.2f}, >= {figures['limit']} {reached}",
        "",
        f"SIMULATED from the times of one node: {simulated['film_minutes']} min of such a video",
        f"(the same simulation says {simulated['two_nodes_as_measured']:.2f} for the two nodes measured above)",
        f"{'nodes':>6} {'CPU stages s':>13} {'ratio':>6} {'with one device s':>18} {'ratio':>6}",
    ]
    for row in simulated["rows"]:
        lines.append(
            f"{row['nodes']:6} {row['cpu_stages_s']:13.1f} {row['cpu_stages_ratio']:6.1f} "
            f"{row['workflow_s']:18.1f} {row['workflow_ratio']:6.1f}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.scaling", __doc__, plot=True)
    parser.add_argument("--minutes", type=int, default=10, metavar="N", help="of video measured (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="on each (default: %(default)s)")
    parser.add_argument(
        "--film-minutes", type=int, default=120, metavar="N", help="of video simulated (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    figures = measure(options)
    hand_out(figures, options, report, draw)
    return 0 if figures["ratio"] >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
