"""The pages of figures: all that they say of a measurement comes from the file that the benchmark wrote."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.instruments.environment import environment, provenance, without_paths
from benchmarks.publish import DOCS, FITS, PAGES, main, pages, stale
from benchmarks.readme_table import BEGIN, END, ROWS
from yivideo_ray.types import EngineFacts

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
    "outages": (
        {
            "situations": {
                "locked": {
                    "skipped": "",
                    "workflows": 41,
                    "refused": 17,
                    "outage_s": 60.2,
                    "back_s": 1.4,
                    "lost": ["wf-1"],
                    "doubled": [],
                    "differing": [],
                }
            }
        },
        ["locked: workflows lost", "MISSED", "locked: outage 60.2 s, requests refused meanwhile 17"],
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
ATTACKED = {
    "load_before": 0.5,
    "dialogues": {"count": 200, "statuses": {"400": 190, "closed": 10}, "longest_s": 5.1},
    "limits": [{"name": "no traceback", "reached": False, "figure": "KeyError"}],
}
FIGURES["hostile_videos"] = FIGURES["hostile_http"] = (
    ATTACKED,
    [
        "200 dialogues: 190 x 400, 10 x closed; the longest 5.1 s",
        "no traceback                       MISSED   KeyError",
    ],
)
FIGURES["outages_disk"] = FIGURES["outages_postgresql"] = FIGURES["outages"]
ENGINE = EngineFacts("onnxruntime", "cpu", "a provider", "det", "rec")
PAGE_OF = {measured.name: page for page in PAGES for measured in page.measured}
DRAWN = {"throughput", "scaling", "memory_calls", "memory_minutes", "memory_videos", "floor"}


def keep(docs: Path, name: str, figures: dict[str, Any], **place: Any) -> None:
    data = docs / "data"
    data.mkdir(exist_ok=True)
    (data / f"{name}.json").write_text(json.dumps({"environment": {**PLACE, **place}, **figures}), encoding="utf-8")


def test_there_are_figures_here_for_every_file_that_a_page_shows() -> None:
    assert FIGURES.keys() == PAGE_OF.keys()


@pytest.mark.parametrize("name", FIGURES)
def test_a_page_shows_the_figures_with_command_date_commit_machine_and_versions(name: str, tmp_path: Path) -> None:
    figures, told = FIGURES[name]
    keep(tmp_path, name, figures)
    assert main(["--docs", str(tmp_path)]) == 0
    page = (tmp_path / f"{PAGE_OF[name].name}.md").read_text(encoding="utf-8")
    for words in [*told, PLACE["command"], PLACE["date"], "0123456789ab", "2 cores of a CPU", "numpy 2.3.5"]:
        assert words in page
    assert page.count("Not measured yet.") == len(PAGE_OF[name].measured) - 1
    assert ((tmp_path / f"{name}.png").is_file(), f"({name}.png)" in page) == ((name in DRAWN,) * 2)


def test_a_page_without_figures_says_so_and_how_they_are_measured(tmp_path: Path) -> None:
    written = pages(tmp_path)
    assert written.keys() == {"README.md", *(f"{page.name}.md" for page in PAGES)}
    for page in PAGES:
        assert written[f"{page.name}.md"].count("Not measured yet.") == len(page.measured)
        assert all(measured.command in written[f"{page.name}.md"] for measured in page.measured)
    assert written["README.md"].count("| not yet |") == len(PAGE_OF)


def test_the_index_tells_when_each_was_measured_and_at_which_commit(tmp_path: Path) -> None:
    keep(tmp_path, "http", FIGURES["http"][0], commit="fedcba987654", date="2024-06-07 08:09+00:00")
    index = pages(tmp_path)["README.md"]
    row = "| [HTTP](http.md) | `python -m benchmarks.something --runs 7` | 2024-06-07 08:09+00:00 | `fedcba987654` |"
    assert row in index.splitlines()


def test_the_index_names_the_reports_of_fits_that_are_there(tmp_path: Path) -> None:
    assert "fits" not in pages(tmp_path)["README.md"]
    (tmp_path / "layers.md").write_text("# Which layers are subtitles\n", encoding="utf-8")
    last = pages(tmp_path)["README.md"].splitlines()[-1]
    assert last.endswith(" not seen: [Which layers are subtitles](layers.md).")
    for name, title in FITS.items():
        assert (DOCS / f"{name}.md").read_text(encoding="utf-8").startswith(f"# {title}\n")


def test_what_a_fit_was_made_with_is_told_besides() -> None:
    told = provenance(environment(packages=["pysubs2"]), "Fitted")
    assert re.match(r"Fitted 20\d\d-.*:\n\n```text\ncommit .*; \d+ cores of ", told)
    assert re.search(r", pysubs2 \d.*\n```$", told)


def test_the_database_of_a_measurement_is_told(tmp_path: Path) -> None:
    keep(tmp_path, "durability_postgresql", FIGURES["durability"][0], database="postgresql")
    assert "\ndatabase postgresql\n" in pages(tmp_path)["durability.md"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Returns docs/figures below a README.md that has a place for a table."""
    docs = tmp_path / "project" / "docs" / "figures"
    docs.mkdir(parents=True)
    (docs.parents[1] / "README.md").write_text(f"# Name\n\n{BEGIN}\nold\n{END}\n\n## More\n", encoding="utf-8")
    return docs


TOLD_IN_README = {
    "speed": "5.7 s, 2.05 times as long as decoding alone",
    "cold_start": "0.9 s and 17.4 s",
    "memory_minutes": "1.07 GB for 10 minutes",
    "throughput": "5 at once: 1.87 times the throughput, each done 25% sooner in the mean",
    "scaling": "1.88 times as fast",
    "durability": "1 of 107 workflows lost, 0 changed, by 60 kills",
}


def test_readme_has_eight_lines_of_figures_and_says_what_was_not_measured(project: Path) -> None:
    readme = project.parents[1] / "README.md"
    assert main(["--docs", str(project)]) == 0
    assert readme.read_text(encoding="utf-8").count("| not measured yet |") == len(ROWS) == 8
    for name in TOLD_IN_README:
        keep(project, name, FIGURES[name][0], commit="fedcba987654")
    assert main(["--docs", str(project)]) == 0
    text = readme.read_text(encoding="utf-8")
    for row in ROWS:
        words = TOLD_IN_README.get(row.measurement, "not measured yet")
        commit = "`fedcba987654`" if row.measurement in TOLD_IN_README else ""
        assert f"| [{row.title}](docs/figures/{row.page}.md) | {words} | {commit} |" in text.splitlines()
    assert text.startswith(f"# Name\n\n{BEGIN}\n\n| what |")
    assert text.endswith(f"|\n\n{END}\n\n## More\n")


def test_readme_tells_how_many_subtitles_are_found(project: Path) -> None:
    check = {"limit": 0.95, "at_least": True, "reached": True, "detail": "510 of 512 cues"}
    shares = {"recall": 0.9961, "precision": 0.998}
    keep(project, "accuracy", {"rows": [], "thresholds": [{"name": n, "value": v, **check} for n, v in shares.items()]})
    keep(project, "clips", FIGURES["clips"][0])
    assert main(["--docs", str(project)]) == 0
    text = (project.parents[1] / "README.md").read_text(encoding="utf-8")
    assert "| 99.6% and 99.8% (510 of 512 cues) |" in text
    assert "| 88.9% and 100.0% (by weights that never saw its source) |" in text


def test_readme_that_was_changed_by_hand_or_has_no_place_is_found(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = project.parents[1] / "README.md"
    assert main(["--docs", str(project)]) == 0
    assert main(["--docs", str(project), "--check"]) == 0
    readme.write_text(readme.read_text(encoding="utf-8").replace("not measured yet", "9.99"), encoding="utf-8")
    assert main(["--docs", str(project), "--check"]) == 1
    assert "README.md is not what the data gives" in capsys.readouterr().out
    readme.write_text("# Name\n", encoding="utf-8")
    assert main(["--docs", str(project)]) == 2
    assert BEGIN in capsys.readouterr().err


def test_the_rows_of_readme_show_measurements_that_have_a_page() -> None:
    assert {(row.measurement, row.page) for row in ROWS} <= {(name, page.name) for name, page in PAGE_OF.items()}


def test_a_page_that_was_changed_by_hand_or_is_missing_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, "http", FIGURES["http"][0])
    assert main(["--docs", str(tmp_path)]) == 0
    assert main(["--docs", str(tmp_path), "--check"]) == 0
    page = tmp_path / "http.md"
    page.write_text(page.read_text(encoding="utf-8").replace("0.811", "0.511"), encoding="utf-8")
    (tmp_path / "floor.md").unlink()
    assert main(["--docs", str(tmp_path), "--check"]) == 1
    assert stale(tmp_path) == ["floor.md", "http.md"]
    assert capsys.readouterr().out.count("Run python -m benchmarks.publish.") == 2
    assert "0.511" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "text"), [("flor", "{}"), ("floor", "{"), ("floor", "[]"), ("floor", "{}")])
def test_figures_that_no_page_shows_or_that_are_none_are_refused(
    name: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{name}.json").write_text(text, encoding="utf-8")
    assert main(["--docs", str(tmp_path)]) == 2
    assert f"{name}.json" in capsys.readouterr().err
    assert not (tmp_path / "README.md").exists()


def test_the_pages_of_this_project_are_those_of_its_data() -> None:
    assert stale(DOCS) == [], "run python -m benchmarks.publish"


def test_a_measurement_tells_its_command_without_the_paths_that_change_no_figure() -> None:
    told = ["--runs", "3", "--json", "/home/me/a.json", "--plot=/home/me/a.png", "--out", "/data", "--quick"]
    assert without_paths(told) == ["--runs", "3", "--quick"]
    assert environment()["command"].startswith("python -m ")
    assert environment()["date"][:2] == "20"


@dataclass
class Truth:
    video: Path


def stand_ins(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """Returns a benchmark's command whose measuring is replaced by the figures above."""
    module = importlib.import_module(PAGE_OF[name].module)
    figures = {"environment": environment(), **FIGURES[name][0]}

    async def later(*_: object) -> dict[str, Any]:
        return figures

    match name:
        case "memory_minutes":
            monkeypatch.setattr(module, "measure_lengths", lambda *_: (figures["runs"], ENGINE))
        case "cold_start":
            monkeypatch.setattr(module, "ensure_corpus", lambda *_: (Truth(Path("video.mp4")),))
            monkeypatch.setattr(module, "start", lambda *_: {**figures["medians"], "load": figures["load_before"]})
        case _:
            monkeypatch.setattr(module, "measure", later if name == "throughput" else lambda *_: figures)
    command: Callable[[list[str]], int] = module.main
    return command


@pytest.mark.parametrize("name", ["cold_start", "memory_minutes", "scaling", "speed", "throughput"])
def test_what_a_benchmark_writes_is_what_it_prints_and_what_its_page_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    command = stand_ins(name, monkeypatch)
    where = ["--json", str(tmp_path / "data" / f"{name}.json"), "--out", str(tmp_path / "out")]
    plot = ["--plot", str(tmp_path / "drawn.png")] if name in DRAWN else []
    assert command([*(["--minutes", "1", "10"] if name == "memory_minutes" else []), *where, *plot]) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "drawn.png").is_file() == (name in DRAWN)
    page = pages(tmp_path)[f"{PAGE_OF[name].name}.md"]
    for words in FIGURES[name][1]:
        assert words in printed
        assert words in page
