"""The table of figures in README.md: each comes from the file that the benchmark wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.publish import main
from benchmarks.readme_table import BEGIN, END, ROWS
from benchmarks.tests.made_up_figures import FIGURES, PAGE_OF, keep


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
