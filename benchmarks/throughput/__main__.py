"""Measures workflows behind one global lock against workflows that share the GPU actor.

    python -m benchmarks.throughput [--seconds N] [--workflows N ...] [--repeat N] [--json FILE] [--plot FILE]
    python -m benchmarks.throughput --quick [--keep]

Three modes: `concurrent` (the actor's mailbox is the lock), and two with all six stages behind one global lock, which
is handed over at once (`serialized, ideal lock`), or taken as in the system that this one replaces (`serialized, polled
lock`: try again after 10 s, then after twice as long each time, up to 60 s). Tasks, actor and stages are the same, and
every workflow must give the same subtitles, byte for byte. All workflows of a batch begin at once, on copies of a video
with a cue every 2 to 3 s.

Two engines: the real one, and a `modelled` device, which gives the real engine's recorded answers, takes no CPU, and
computes as long per video as the video's CPU stages took on this machine in this run, alone and with the real engine.
What the OCR stages themselves do in the actor comes on top, with both engines.

device: share of the time that calls held the device; cpu: share of all cores that the process tree used; others: that
all other processes used, where a large share spoils the figures; wait: what a workflow waited for the lock and in the
mailbox. On a machine with a GPU, and nvidia-ml-py, gpu: the share of the time in which kernels ran there, as NVML tells
it. p95: nearest rank, below 20 workflows the longest. Each is the median over --repeat batches; the polled lock runs
once.

--quick measures a few batches in under a minute and compares their ratios, never times, with those kept in
benchmarks/throughput/ratios.json; --keep writes that file. Exit code: 0, or 1 if a ratio has fallen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.corpus.making import ensure_corpus
from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment
from benchmarks.instruments.plots import draw_throughput as draw
from benchmarks.instruments.videos import minute_spec
from benchmarks.throughput.run import CPU_STAGES, MODES, Ran, copies, record, run_batch
from benchmarks.throughput.score import Batch, Ratios, Row, fallen, ratios, rows
from yivideo_ray.config import AreaDetectorSettings, Settings
from yivideo_ray.runtime.session import Session

__all__ = ["draw", "main", "report"]

KEPT = Path(__file__).with_name("ratios.json")
CONCURRENT, IDEAL, POLLED = MODES
REAL, MODELLED = ENGINES = ("real", "modelled")
CHUNKS = 2
SAMPLES, LEAST_SAMPLES = AreaDetectorSettings().samples, 8
TOLERANCE = 0.2
QUICK = {"seconds": 10, "workflows": [3], "repeat": 1, "modes": [CONCURRENT, IDEAL], "engines": list(ENGINES)}


def _settings(options: argparse.Namespace, work: Path, **ocr: Any) -> Settings:
    # A short video is cut into as many chunks as one of a minute is by default, and looked at as often in proportion:
    # the search for its area would else be half of the work.
    sections: dict[str, Any] = {
        "pipeline": {"chunk_s": options.seconds / CHUNKS},
        "area_detector": {"samples": max(LEAST_SAMPLES, min(SAMPLES, SAMPLES * options.seconds // 60))},
        "storage": {"work_dir": str(work)},
        "decoder": {"backend": "cpu"},
    }
    return Settings(**sections, ocr=ocr) if ocr else Settings(**sections)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Returns every figure; see the module."""
    out: Path = options.out / "throughput"
    (truth,) = ensure_corpus([minute_spec(seconds=options.seconds)], options.out / "corpus")
    videos = copies(truth.video, max(options.workflows), out / "videos")
    settings = _settings(options, out / "work")
    _say("records what the engine answers")
    # Before anything else takes the cores, which would make some answers take longer than others.
    recorded_s = record(truth.video, settings, out / "recording.json")
    sessions = {REAL: Session(settings, "throughput-real")}
    found: list[Ran] = []
    try:
        tools = await sessions[REAL].tools()
        facts = await tools.pool.ready()
        # The first workflow starts the workers that later ones find.
        found.append(await run_batch(tools, REAL, CONCURRENT, videos[:1]))
        alone = [await run_batch(tools, REAL, IDEAL, videos[:1]) for _ in range(options.repeat)]
        cpu_stages_s = statistics.median(sum(ran.held_s[stage] for stage in CPU_STAGES) for ran in alone)
        script = {"recording": str(out / "recording.json"), "recording_scale": cpu_stages_s / recorded_s}
        (out / "script.json").write_text(json.dumps(script), encoding="utf-8")
        modelled = _settings(options, out / "work", engine="scripted", script=str(out / "script.json"))
        sessions[MODELLED] = Session(modelled, "throughput-modelled")
        await (await sessions[MODELLED].tools()).pool.ready()
        # Its actor took a worker that was there: the first batch measured would else pay for new ones.
        found.append(await run_batch(tools, REAL, CONCURRENT, videos))
        measured = []
        for engine, mode, workflows in _plan(options):
            _say(f"{engine} engine, {mode}, {workflows} workflows")
            ran = await run_batch(await sessions[engine].tools(), engine, mode, videos[:workflows])
            _say(f"  {ran.batch.wall_s:.1f} s")
            measured.append(ran)
    finally:
        for session in reversed(sessions.values()):
            session.close()
    _require_equal([*found, *alone, *measured])
    batches = [ran.batch for ran in measured]
    place = environment(facts)
    table = rows(batches, place["cores"])
    return {
        "environment": place,
        "video": f"{options.seconds} s of 720p25, a cue every 2 to 3 s",
        "cpu_stages_s": cpu_stages_s,
        "device_alone_s": statistics.median(sum(end - start for start, end in ran.batch.device) for ran in alone),
        "modelled_device_s": cpu_stages_s,
        "stages_alone_s": {stage.value: seconds for stage, seconds in alone[-1].held_s.items()},
        "rows": [asdict(row) for row in table],
        "ratios": [asdict(ratio) for ratio in ratios(table, CONCURRENT)],
        "batches": [_as_dict(batch) for batch in batches],
    }


def _plan(options: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    """Yields the batches in an order in which those that are compared stand next to each other."""
    for engine in options.engines:
        for workflows in options.workflows:
            for turn in range(options.repeat):
                for mode in options.modes:
                    if mode != POLLED or not turn:
                        yield engine, mode, workflows


def _require_equal(found: Sequence[Ran]) -> None:
    """Errors: SystemExit where a workflow gave other subtitles than the first one did."""
    texts = {subtitles for ran in found for subtitles in ran.subtitles}
    if len(texts) != 1 or any(len(ran.subtitles) != len(ran.batch.completions_s) for ran in found):
        raise SystemExit(
            f"Workflows on the same video gave {len(texts)} different results, so no time of theirs can be compared. "
            "Look at the SRT files in the directory throughput/videos under --out."
        )


def _as_dict(batch: Batch) -> dict[str, Any]:
    return {**asdict(batch), "wall_s": batch.wall_s}


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def report(figures: dict[str, Any]) -> str:
    """Returns the figures for people."""
    gpu = any(row["gpu_busy"] is not None for row in figures["rows"])
    lines = [
        f"{figures['video']}; alone, a video's CPU stages take {figures['cpu_stages_s']:.2f} s,",
        f"and its calls hold the device for {figures['device_alone_s']:.2f} s",
        f"the modelled device computes {figures['modelled_device_s']:.2f} s for a video",
        f"{'engine':8} {'mode':23} {'at once':>7} {'per min':>8} {'mean s':>7} {'p95 s':>7} "
        f"{'device':>6} {'cpu':>5} {'others':>6} {'wait s':>7}{'   gpu' if gpu else ''}",
    ]
    for row in (Row(**row) for row in figures["rows"]):
        lines.append(
            f"{row.engine:8} {row.mode:23} {row.workflows:7} {row.videos_per_minute:8.2f} {row.mean_completion_s:7.1f} "
            f"{row.p95_completion_s:7.1f} {row.device_busy:6.0%} "
            f"{row.cpu:5.0%} {row.others:6.0%} {row.mean_wait_s:7.1f}"
            f"{'' if row.gpu_busy is None else f' {row.gpu_busy:5.0%}'}"
        )
    lines += ["", "concurrent against"]
    for ratio in (Ratios(**ratio) for ratio in figures["ratios"]):
        lines.append(
            f"{ratio.engine:8} {ratio.against:23} {ratio.workflows:7}   {ratio.throughput:.2f} x the throughput, "
            f"mean completion {ratio.shorter:.0%} shorter"
        )
    return "\n".join(lines)


def _named(figures: dict[str, Any]) -> dict[str, float]:
    return {
        f"{ratio['engine']} engine, {ratio['workflows']} workflows, concurrent over {ratio['against']}": round(
            ratio["throughput"], 3
        )
        for ratio in figures["ratios"]
    }


def _compare(figures: dict[str, Any], keep: bool) -> int:
    found = _named(figures)
    if keep:
        KEPT.write_text(json.dumps({"tolerance": TOLERANCE, "ratios": found}, indent=1) + "\n", encoding="utf-8")
        return 0
    if not KEPT.exists():
        raise SystemExit(f"{KEPT} is missing. Write it with --quick --keep.")
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    sentences = fallen(found, kept["ratios"], kept["tolerance"])
    for sentence in sentences:
        print(f"FALLEN {sentence}")
    if not sentences:
        print(f"no ratio is more than {kept['tolerance']:.0%} below the one kept")
    return 1 if sentences else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.throughput", __doc__, plot=True)
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="of video (default: %(default)s)")
    parser.add_argument("--workflows", type=int, nargs="+", default=[1, 3, 5, 8], metavar="N", help="at once")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="batches of a kind (default: %(default)s)")
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES, metavar="MODE")
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES, metavar="ENGINE")
    parser.add_argument("--quick", action="store_true", help="compare a few ratios with those kept")
    parser.add_argument("--keep", action="store_true", help="with --quick: keep the ratios")
    options = parser.parse_args(argv)
    if options.keep and not options.quick:
        parser.error("--keep goes with --quick")
    if options.quick:
        vars(options).update(QUICK)
    began = time.monotonic()
    figures = asyncio.run(measure(options))
    hand_out(figures, options, report, draw)
    _say(f"{time.monotonic() - began:.0f} s in all")
    return _compare(figures, options.keep) if options.quick else 0


if __name__ == "__main__":
    sys.exit(main())
