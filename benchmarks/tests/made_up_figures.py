"""Figures as each benchmark writes them, made up, and what is read of them on a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.publish import PAGES

__all__ = ["FIGURES", "PAGE_OF", "PLACE", "keep"]

PLACE: dict[str, Any] = {
    "command": "python -m benchmarks.something --runs 7",
    "date": "2024-05-01 12:00+00:00",
    "commit": "0123456789ab",
    "cpu": "a CPU",
    "cores": 2,
    "memory_gib": 7.5,
    "system": "Linux x86_64",
    "engine": "onnxruntime",
    "device": "cpu",
    "provider": "a provider",
    "models": ["det", "rec"],
    "versions": {"yivideo-ray": "0.1.0", "numpy": "2.3.5"},
}
WARM = {"wall_s": 7.25, "cpu_s": 14.5, "others": 0.03}
ALONE = {"wall_s": 3.5, "cpu_s": 6.25, "others": 0.0}
RUN = {"peak_bytes": 2**30, "scratch_bytes": 12_300_000, "wall_s": 61.5, "cues": 23}
SAMPLES = {"memory_samples": [[0.0, 2**29], [60.0, 2**30]], "scratch_samples": [[0.0, 0], [60.0, 9]]}
ROW = {
    "engine": "real",
    "mode": "concurrent",
    "workflows": 5,
    "batches": 3,
    "videos_per_minute": 11.25,
    "mean_completion_s": 21.5,
    "p95_completion_s": 26.0,
    "device_busy": 0.5,
    "cpu": 0.97,
    "others": 0.01,
    "mean_wait_s": 1.5,
    "gpu_busy": None,
}
RATIO = {"engine": "real", "against": "serialized, ideal lock", "workflows": 5, "throughput": 1.87, "shorter": 0.25}
SIMULATED = {"nodes": 4, "cpu_stages_s": 99.5, "cpu_stages_ratio": 3.9, "workflow_s": 120.25, "workflow_ratio": 3.1}
KILLS = {"workflows": {"scripted": 101, "real": 6}, "wall_s": {"scripted": 300.5, "real": 60.0}, "errors": []}
NONE_OF: dict[str, list[str]] = {key: [] for key in ("lost", "duplicate", "differing", "unfinished", "holes")}

SCORED = {
    "clips": 4,
    "reference_cues": 9,
    "result_cues": 8,
    "recall": 8 / 9,
    "precision": 1.0,
    "exact_share": 0.75,
    "cer": {"matched_only": 0.0123},
    "wer": {"matched_only": 0.02},
    "start": {"share_within_two_frames": 1.0},
    "end": {"share_within_two_frames": None},
}
FIGURES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "accuracy": (
        {
            "rows": [["en_case", "16", *["1.0000"] * 2, "0.0045", *["1.0000"] * 4, "0", "31", "6.5", "6.1"]],
            "thresholds": [
                {"name": "recall", "value": 0.9961, "limit": 0.5, "at_least": True, "reached": True, "detail": "of 512"}
            ],
        },
        ["en_case ", " 0.0045 ", "recall  0.9961  >= 0.5   reached      of 512", "All 1 thresholds are reached."],
    ),
    **dict.fromkeys(
        ("clips", "clips_shipped", "reports", "reports_shipped"),
        (
            {
                "decided_by": "weights that never saw its source",
                "cost": {"cpu_s": 12.5, "video_s": 60.0},
                "all": SCORED,
                "kinds": {"advert": SCORED},
                "scripts": {"han": SCORED},
                "empty": 1,
                "without_subtitles": {"clips": 3, "phantoms": 2, "precision_with_phantoms": 0.875},
            },
            [
                "decided by weights that never saw its source",
                "advert     9      8  0.8889     1.0000  0.0123",
                "came out empty: 1 of 4",
                "2 cues in 3; precision with them 0.8750",
                "CPU time: 12.5 s for 60.0 s",
            ],
        ),
    ),
    "throughput": (
        {
            "video": "60 s of 720p25",
            "cpu_stages_s": 9.25,
            "device_alone_s": 3.75,
            "modelled_device_s": 9.25,
            "rows": [ROW],
            "ratios": [RATIO],
        },
        [" 11.25 ", "hold the device for 3.75 s", "1.87 x the throughput, mean completion 25% shorter"],
    ),
    "scaling": (
        {
            "video": "10 min of 720p25",
            "limit": 1.7,
            "ratio": 1.88,
            "measured": {"1": WARM, "2": ALONE},
            "simulated": {"film_minutes": 120, "two_nodes_as_measured": 1.93, "rows": [SIMULATED]},
        },
        ["     1     7.25    14.50      3%", "ratio 1.88, >= 1.7 reached", "says 1.93 for", "  99.5    3.9"],
    ),
    "memory_calls": (
        {
            "calls": 20,
            "sizes": 10,
            "seconds": 12.0,
            "restarts": 0,
            "after_first_bytes": 100 * 2**20,
            "at_end_bytes": 110 * 2**20,
            "highest_bytes": 111 * 2**20,
            "ratio": 1.1,
            "samples": [[10, 100 * 2**20], [20, 110 * 2**20]],
        },
        ["20 calls with 10 sizes in 12 s", "110 MiB, 1.100 times that, <= 1.05 MISSED"],
    ),
    "memory_minutes": (
        {"runs": [{"minutes": 1, **RUN, **SAMPLES}, {"minutes": 10, **RUN, **SAMPLES}]},
        [
            "      10     61.5      1024        12.3     23",
            "peak of 10 minutes is 1.000 times that of 1, <= 1.1 reached",
        ],
    ),
    "memory_videos": ({"runs": [{"videos": 8, **RUN, **SAMPLES}]}, ["  videos   wall s", "highest peak 1.07 GB"]),
    "floor": (
        {
            "limit": 1.5,
            "videos": [
                {
                    "video": "speed_720p25",
                    "run": WARM,
                    "decoding_alone": ALONE,
                    "median_ratio": 2.07,
                    "median_cpu_ratio": 2.32,
                    "gpu_busy": None,
                    "median_stages_s": {"ffmpeg.extract_keyframes": {"duration_s": 0.12}},
                    "runs": [{"wall_s": 7.25, "own_s": 14.5}],
                    "decodings": [{"wall_s": 3.5, "own_s": 6.25}],
                }
            ],
        },
        ["speed_720p25 run                  7.25  14.50      3%", "wall <= 1.5 MISSED", "duration 0.12 s"],
    ),
    "cold_start": (
        {
            "limits": {"first_line_s": 3.0},
            "medians": {"first_line_s": 0.91, "engine_s": 9.5, "end_s": 17.4},
            "load_before": 0.3,
        },
        ["first line of progress     0.91 s   <= 3 s reached", "load before 0.3"],
    ),
    "speed": (
        {
            "video": "60 s of 720p25",
            "truth_cues": 23,
            "cues": 22,
            "wall_s": [5.7, 5.75],
            "median_wall_s": 5.7,
            "decode_alone_s": [2.7],
            "median_ratio": 2.05,
            "peak_tree_bytes": 1_440_000_000,
        },
        ["22 cues of 23", "median of 2, limit 15 s", "1.44 GB"],
    ),
    "durability": (
        {
            **KILLS,
            **NONE_OF,
            "lost": ["w1"],
            "kills": {"kill service": 60},
            "resumed_s": [9.5],
            "longest_resume_s": 9.5,
        },
        ["workflows lost                                      1  = 0    MISSED", "service 60"],
    ),
    "faults": (
        {
            **KILLS,
            **NONE_OF,
            "faults": {"kill actor": 250},
            "faults_in_all": 250,
            "most_calls_repeated_per_death": 1,
            "most_tasks_repeated_per_kill": 2,
            "most_tasks_cut_short_per_node": 3,
            "chunks_cropped_again": 4,
            "most_chunks_cropped_again_of_a_workflow": 2,
            "restarts": {"killed": 77},
            "longest_to_next_call_s": {"kill actor": 4.5},
            "median_to_next_call_s": {"kill actor": 2.25},
            "largest_overlap": 1,
        },
        ["kill actor 250", "most tasks repeated per kill of a worker            2  <= 1   MISSED", "killed 77"],
    ),
    "http": (
        {
            "load_before": 0.5,
            "posts": 1000,
            "clients": 20,
            "posts_per_s": 120.5,
            "median_s": 0.1,
            "p95_s": 0.2,
            "p99_s": 0.811,
            "max_s": 0.9,
            "waiting_at_the_end": 900,
            "limits": [{"name": "p99 below 1 s", "reached": True, "figure": "0.811 s"}],
        },
        ["1000 posts by 20 clients: 120.5 a second", "p99 below 1 s                reached  0.811 s"],
    ),
    "borders": (
        {
            "borders": 2,
            "lexical": 1,
            "features": 0,
            "fitted": {"stages/weights.json": 13},
            "files": [{"file": "text/spaces.py", "borders": [{}, {}], "lexical": [{}], "features": []}],
        },
        ["text/spaces.py        2        1         0", "fitted weights: 13 in stages/weights.json"],
    ),
}
FIGURES["durability_postgresql"] = FIGURES["durability"]
PAGE_OF = {measured.name: page for page in PAGES for measured in page.measured}


def keep(docs: Path, name: str, figures: dict[str, Any], **place: Any) -> None:
    """Writes the figures below `docs` as the benchmark of this name keeps them; place changes what PLACE says."""
    data = docs / "data"
    data.mkdir(exist_ok=True)
    (data / f"{name}.json").write_text(json.dumps({"environment": {**PLACE, **place}, **figures}), encoding="utf-8")
