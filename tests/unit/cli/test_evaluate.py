"""`yivideo eval` of directories: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.corpora import cue, write_clips, write_results
from yivideo_ray.cli import main

TRUTH = {"film": (cue(1, 2, "Where is he?"),), "short": (cue(1, 2, "At home."),), "NEG_street": None}
INDEX = "name\tkind\tscript\nfilm\tfilm\tlatin\nshort\tshort\tgreek\n"
RIGHT = {name: cues or () for name, cues in TRUTH.items()}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "clips", TRUTH, INDEX)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "results", RIGHT | {"short": (cue(1, 2, "At h0me."),)})


def test_two_directories_give_tables_for_people(clips: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(clips), str(results)]) == 0
    lines = capsys.readouterr().out.splitlines()
    film, kind = (line for line in lines if line.startswith("film  "))
    assert film == kind, "it is the only film"
    assert film.split()[1:6] == ["1", "1", "1.0000", "1.0000", "0.0000"]
    total = next(line for line in lines if line.startswith("all"))
    assert total.split()[1:4] == ["2", "2", "1.0000"]
    assert "clips without subtitles: 0 phantoms in 0 of 1; precision with them 1.0000" in lines


def test_two_directories_give_json_for_programs(clips: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", str(clips), str(results), "--json", "--scripts", "latin", "--soft", "film"]
    assert main([*arguments, "--against", str(results)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["all"]["matched"], figures["all"]["start"]["count"]) == (1, 0)
    assert [clip["clip"] for clip in figures["clips"] if clip["group"] == "other_script"] == ["short"]
    assert figures["against"]["all"] == figures["all"]


def test_another_tool_and_a_page_are_given_beside(
    clips: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    other = write_results(tmp_path / "other", RIGHT)
    assert main(["eval", str(clips), str(results), "--html", str(page), "--against", str(other)]) == 0
    captured = capsys.readouterr()
    assert f"{results} | {other}" in captured.out
    assert str(page) in captured.err
    assert "h<ins" in page.read_text(encoding="utf-8")


def test_what_can_not_be_scored_is_named_and_exits_with_1(
    clips: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "film.srt").unlink()
    (clips / "lonely.mp4").touch()
    assert main(["eval", str(clips), str(results)]) == 1
    captured = capsys.readouterr()
    assert "clips that came out empty: 1 of 2\n  film" in captured.out
    assert "film counts as empty: " in captured.err
    assert "lonely is left out: it has neither lonely.srt nor lonely.truth.srt." in captured.err


def test_what_a_result_of_another_tool_lacks_is_named_with_its_directory(
    clips: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_results(tmp_path / "other", {"film": RIGHT["film"]})
    assert main(["eval", str(clips), str(results), "--against", str(other)]) == 1
    assert f"{other}: short counts as empty: " in capsys.readouterr().err


def test_a_directory_and_a_file_are_refused_in_either_order(
    clips: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([clips, results / "film.srt"], [clips / "film.srt", results]):
        assert main(["eval", *map(str, arguments)]) == 2
        assert "is a file, and the other a directory" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--scripts", "latin"], ["--soft", "a"], ["--against", "."], ["--html", "a.html"]])
def test_options_of_directories_are_refused_for_files(
    clips: Path, results: Path, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(clips / "film.srt"), str(results / "film.srt")]
    assert main(["eval", *files, *option]) == 2
    assert f"{option[0]} is for two directories" in capsys.readouterr().err


def test_wrong_directories_and_options_are_told_in_one_line(
    clips: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, code, said in (
        ([tmp_path / "nowhere", results], 1, "INPUT_NOT_FOUND: "),
        ([clips, tmp_path / "nowhere"], 1, "INPUT_NOT_FOUND: "),
        ([empty, results], 1, "INPUT_UNRECOGNIZED: "),
        ([clips, empty], 1, "INPUT_NOT_FOUND: "),
        ([clips, results, "--soft", "flim"], 2, "did you mean film?"),
        ([clips, results, "--fps", "25"], 2, "--fps is for two files"),
        ([clips, results, "--html", tmp_path / "nowhere" / "page.html"], 1, "OUTPUT_NOT_WRITABLE: "),
    ):
        assert main(["eval", *map(str, arguments)]) == code
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
