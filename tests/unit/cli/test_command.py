"""The command's arguments, messages and exit codes, as far as they need no Ray."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.videos import make_video
from yivideo_ray.cli import main

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello there\n"


def command(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own, for it takes over file descriptor 1."""
    return python("-m", "yivideo_ray", *arguments, **environment)


def python(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a process of its own, which has imported nothing yet."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "empty.mp4"
    path.write_bytes(b"")
    return path


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in result.stderr
    return result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "arguments", [[], ["run"], ["run", "a.mp4", "--nonsense"], ["run", "a.mp4", "--priority", "high"], ["dance"]]
)
def test_wrong_usage_exits_with_2_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_an_address_is_refused_unless_the_settings_allow_it_and_its_secrets_are_not_told(tmp_path: Path) -> None:
    address = "https://me:s3cret@example.invalid/film.mp4?signature=s3cret"
    result = command("run", address, "-o", tmp_path, YIVIDEO_STORAGE__ALLOWED_URLS='["https://example.invalid"]')
    assert result.returncode == 1
    assert last_line(result).startswith(
        "INPUT_SCHEME_FORBIDDEN: The address 'https://example.invalid/film.mp4' has a query"
    )
    assert "s3cret" not in result.stderr + result.stdout
    for chained in ("simplecache::https://example.invalid/film.mp4", "s3://films/film.mp4", "file:///etc/passwd"):
        assert last_line(command("run", chained, "-o", tmp_path)).startswith("INPUT_SCHEME_FORBIDDEN: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["area", "--help"], ["doctor", "--help"], ["status", "--help"], ["eval", "--help"]],
)
def test_help_exits_with_0(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    assert "usage: yivideo" in capsys.readouterr().out


def test_help_shows_examples_the_stages_and_the_scoring_convention(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (
        (["--help"], "yivideo run -- -odd-name.mp4"),
        (["run", "--help"], "paddleocr.postprocess_and_finalize"),
        (["run", "--help"], "yivideo run film.mp4 --overwrite"),
        (["run", "--help"], "yivideo run film.mp4 --again"),
        (["run", "--help"], "yivideo run film.mp4 --layers 1,3 --from paddleocr.postprocess_and_finalize"),
        (["area", "--help"], "yivideo area film.mp4 -o preview.png --overwrite"),
        (["area", "--help"], "YIVIDEO_AREA_DETECTOR__EXCLUDE"),
        (["eval", "--help"], "Matching is one to one"),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        assert expected in capsys.readouterr().out


def test_the_command_line_loads_nothing_heavy_for_its_help() -> None:
    code = (
        "import sys, yivideo_ray.cli as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'ray', 'av', 'paddle', 'numpy', 'pydantic', 'cv2'} & set(sys.modules)), file=sys.stderr)"
    )
    result = python("-c", code)
    assert result.stderr.strip() == "[]"


def test_bad_input_fails_with_its_code_before_ray_is_even_imported(video: Path) -> None:
    code = (
        "import sys, yivideo_ray.cli as c\n"
        f"code = c.main(['run', {str(video)!r}, {str(video.with_name('missing.mp4'))!r}])\n"
        "print(code, 'ray' in sys.modules, file=sys.stderr)"
    )
    result = python("-c", code)
    assert last_line(result) == "1 False"
    assert "INPUT_EMPTY: " in result.stderr
    assert "INPUT_NOT_FOUND: " in result.stderr
    ends = [json.loads(line) for line in result.stdout.splitlines() if '"outcome"' in line]
    assert [end["error"]["code"] for end in ends] == ["INPUT_EMPTY", "INPUT_NOT_FOUND"]
    assert sorted(path.name for path in video.parent.iterdir()) == ["empty.mp4"]


def test_the_area_of_bad_input_is_its_error_and_no_picture(video: Path) -> None:
    result = command("area", video, "--json", YIVIDEO_STORAGE__WORK_DIR=str(video.parent / "work"))
    assert result.returncode == 1
    assert last_line(result).startswith("INPUT_EMPTY: ")
    assert result.stdout == ""
    assert list(video.parent.glob("*.png")) == []


@pytest.mark.parametrize(("arguments", "name"), [(["run"], "film.srt"), (["area"], "film.area.png")])
def test_a_file_of_somebody_else_is_refused_before_ray_is_imported(
    tmp_path: Path, arguments: list[str], name: str
) -> None:
    film = make_video(tmp_path / "film.mp4", frames=20)
    (tmp_path / name).write_bytes(b"by hand")
    code = (
        "import sys, yivideo_ray.cli as c\n"
        f"code = c.main([*{arguments!r}, {str(film)!r}])\n"
        "print(code, 'ray' in sys.modules, file=sys.stderr)"
    )
    result = python("-c", code, YIVIDEO_STORAGE__WORK_DIR=str(tmp_path / "work"))
    assert last_line(result) == "1 False"
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("OUTPUT_EXISTS: "))
    assert str(tmp_path / name) in line
    assert "--overwrite" in line
    assert (tmp_path / name).read_bytes() == b"by hand"
    assert sorted(path.name for path in tmp_path.glob("film*")) == sorted(["film.mp4", name])


def test_a_wrong_setting_exits_with_2_and_names_the_nearest_known_key(video: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yml"
    config.write_text("gpu_lock: {lock_timout: 3}")
    for result in (command("run", video, "--config", config), command("run", video, YIVIDEO_CONFIG=str(config))):
        assert result.returncode == 2
        assert last_line(result).startswith("CONFIG_INVALID: ")
        assert "gpu_lock.lock_timeout" in last_line(result)
        assert result.stdout == ""


def test_the_status_of_no_cluster_is_refused(tmp_path: Path) -> None:
    result = command("status", RAY_ADDRESS="")
    assert result.returncode == 2
    assert last_line(result).startswith("CONFIG_INVALID: RAY_ADDRESS names no cluster")


def test_an_unknown_stage_exits_with_2_and_names_the_nearest(video: Path) -> None:
    result = command("run", video, "--stages", "ffmpeg.extract_keyframe")
    assert result.returncode == 2
    assert "did you mean ffmpeg.extract_keyframes?" in last_line(result)


def test_an_unknown_format_exits_with_2_and_names_the_known_ones(video: Path) -> None:
    result = command("run", video, "--format", "srt,sub")
    assert result.returncode == 2
    assert "CONFIG_INVALID: 'sub' is no subtitle format." in last_line(result)
    assert "srt, vtt, ass, txt" in last_line(result)


@pytest.mark.parametrize("layers", ["x", "0", "1,", ""])
def test_layers_that_are_none_exit_with_2(video: Path, layers: str) -> None:
    result = command("run", video, "--layers", layers)
    assert result.returncode == 2
    assert last_line(result).startswith(f"CONFIG_INVALID: {layers!r} names no layers: ")


def test_results_that_would_overwrite_each_other_are_refused(tmp_path: Path) -> None:
    result = command("run", tmp_path / "a.mp4", tmp_path / "a.mkv")
    assert result.returncode == 2
    assert "would both write" in last_line(result)


def test_names_with_a_leading_dash_spaces_and_emoji_reach_the_probe(tmp_path: Path) -> None:
    names = ["-dash.mp4", "two words.mp4", "电影🎬.mp4", "new\nline.mp4"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    result = subprocess.run(
        [sys.executable, "-m", "yivideo_ray", "run", "--json", "--", *names],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    ends = [json.loads(line) for line in result.stdout.splitlines() if '"outcome"' in line]
    assert [end["error"]["code"] for end in ends] == ["INPUT_EMPTY"] * 4
    assert result.returncode == 1


def test_eval_prints_figures_for_people_and_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = tmp_path / "a.srt", tmp_path / "b.srt"
    one.write_text(SRT)
    other.write_text(SRT.replace("Hello", "Hallo").replace("01,000", "01,040"))
    assert main(["eval", str(one), str(other)]) == 0
    assert "recall" in capsys.readouterr().out
    assert main(["eval", str(one), str(other), "--json", "--fps", "25"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["recall"] == 1
    assert main(["eval", str(one), str(tmp_path / "none.srt")]) == 1
    assert "INPUT_NOT_FOUND" in capsys.readouterr().err
    assert main(["eval", str(one), str(other), "--fps", "0"]) == 2


def test_a_public_address_without_keys_is_refused_at_once_in_one_line(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::"):
        result = command("serve", "--host", host, YIVIDEO_STORAGE__WORK_DIR=str(tmp_path))
        assert result.returncode == 2
        assert result.stderr.startswith("SERVICE_EXPOSED: ")
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["serve", "submit", "watch", "cancel", "retry", "list", "fetch"])
def test_commands_of_the_service_have_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert "YIVIDEO_SERVE__KEYS" in capsys.readouterr().out
