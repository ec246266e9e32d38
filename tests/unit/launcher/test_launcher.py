"""./yivideo itself, with a stand-in for Python: what it starts, from where, and when it installs first."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = ("run", "cv2", "cpu", "cu12", "cu13", "test")
FILES = ("yivideo", "pyproject.toml", *(f"locks/{name}.lock" for name in LOCKS))

# Says how it was called, one argument a line, and lets the installation succeed by writing the stamps it is given.
STAND_IN = """\
#!/bin/sh
[ "$1" != -c ] || exit {too_old}
echo "cwd=$PWD"
echo "config=${{YIVIDEO_CONFIG-}}"
for argument; do printf 'arg=%s\\n' "$argument"; done
case $2 in
  */install.py)
    root=$3 asked=$4
    shift 4
    mkdir -p "$root/.venv/bin"
    rm -f "$root/.venv/bin/python" "$root/.venv"/have-*
    cp "$0" "$root/.venv/bin/python"
    [ -z "$asked" ] || echo "$asked" >"$root/.venv/build"
    while [ $# -gt 0 ]; do echo "$2" >"$root/.venv/have-$1"; shift 2; done ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what ./yivideo looks at, in a directory with a space in its name."""
    root = tmp_path / "a project"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A directory for PATH with nothing but the basic commands and the stand-in as python3."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for command in ("sh", "cat", "cksum", "readlink", "mkdir", "cp", "rm"):
        found = shutil.which(command)
        assert found
        (directory / command).symlink_to(found)
    python(directory)
    return directory


def python(directory: Path, *, too_old: bool = False) -> None:
    (directory / "python3").write_text(STAND_IN.format(too_old=int(too_old)))
    (directory / "python3").chmod(0o755)


def call(
    launcher: Path | str, *arguments: str, path: Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), "HOME": "/nonexistent"}
    return subprocess.run(
        [str(launcher), *arguments], env=environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def started(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Returns the arguments of the last Python that was started."""
    last = done.stdout.rpartition("cwd=")[2]
    return [line.removeprefix("arg=") for line in last.splitlines() if line.startswith("arg=")]


def installs(done: subprocess.CompletedProcess[str]) -> int:
    return done.stdout.count("install.py")


def test_the_first_call_installs_and_the_second_does_not(checkout: Path, path: Path) -> None:
    first = call(checkout / "yivideo", "doctor", path=path)
    assert (first.returncode, installs(first)) == (0, 1)
    second = call(checkout / "yivideo", "doctor", path=path)
    assert (second.returncode, installs(second), second.stderr) == (0, 0, "")
    assert started(first) == started(second) == ["-P", "-m", "yivideo_ray", "doctor"]


def test_arguments_arrive_as_they_are(checkout: Path, path: Path) -> None:
    odd = ["run", "a b.mp4", "", "*", "-x", "--", "字幕 🎬.mp4", "a\\nb", '"', "$HOME"]
    call(checkout / "yivideo", path=path)
    assert started(call(checkout / "yivideo", *odd, path=path))[3:] == odd


def test_relative_paths_stay_relative_to_the_caller(checkout: Path, path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = call("../a project/yivideo", "run", "v.mp4", path=path, cwd=elsewhere)
    assert f"cwd={elsewhere}\n" in done.stdout
    assert (checkout / ".venv").is_dir()


@pytest.mark.parametrize("target", ["{root}/yivideo", "../a project/yivideo"])
def test_a_symbolic_link_leads_to_the_checkout(checkout: Path, path: Path, tmp_path: Path, target: str) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "one").symlink_to(target.format(root=checkout))
    (links / "two").symlink_to("one")
    done = call(links / "two", "--help", path=path, cwd=tmp_path)
    assert started(done) == ["-P", "-m", "yivideo_ray", "--help"]
    assert (checkout / ".venv/have-run").is_file()


@pytest.mark.parametrize("changed", ["pyproject.toml", "locks/run.lock", "locks/cv2.lock"])
def test_a_changed_lock_or_project_installs_again(checkout: Path, path: Path, changed: str) -> None:
    call(checkout / "yivideo", path=path)
    with (checkout / changed).open("a") as file:
        file.write("# changed\n")
    assert installs(call(checkout / "yivideo", path=path)) == 1
    assert installs(call(checkout / "yivideo", path=path)) == 0


@pytest.mark.parametrize("changed", ["locks/cu12.lock", "locks/cu13.lock", "locks/test.lock"])
def test_a_lock_that_is_not_in_use_may_change(checkout: Path, path: Path, changed: str) -> None:
    call(checkout / "yivideo", path=path)
    with (checkout / changed).open("a") as file:
        file.write("# changed\n")
    assert installs(call(checkout / "yivideo", path=path)) == 0


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["install"], ""),
        (["install", "--gpu", "cu12"], "cu12"),
        (["install", "--gpu=cu13"], "cu13"),
        (["install", "--gpu", "none"], "cpu"),
    ],
)
def test_install_passes_on_which_build_is_asked_for_and_runs_nothing(
    checkout: Path, path: Path, arguments: list[str], asked: str
) -> None:
    done = call(checkout / "yivideo", *arguments, path=path)
    assert (done.returncode, installs(done)) == (0, 1)
    assert started(done)[:4] == ["-I", f"{checkout}/tools/install.py", str(checkout), asked]
    assert started(done)[4::2] == ["run", "cv2", "cpu", "cu12", "cu13", "project"]


def test_a_later_call_looks_at_the_lock_of_the_build_that_is_there(checkout: Path, path: Path) -> None:
    call(checkout / "yivideo", "install", "--gpu", "cu12", path=path)
    assert installs(call(checkout / "yivideo", "doctor", path=path)) == 0
    (checkout / ".venv/have-cpu").unlink()
    assert installs(call(checkout / "yivideo", "doctor", path=path)) == 0
    (checkout / ".venv/have-cu12").unlink()
    assert installs(call(checkout / "yivideo", "doctor", path=path)) == 1


@pytest.mark.parametrize(
    "arguments", [["--gpu"], ["--gpu", "cu11"], ["--gpu="], ["cu12"], ["--gpu", "cu12", "more"], ["--help"]]
)
def test_a_wrong_call_of_install_is_told_the_right_one(checkout: Path, path: Path, arguments: list[str]) -> None:
    done = call(checkout / "yivideo", "install", *arguments, path=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "yivideo: the usage is ./yivideo install [--gpu cu12|cu13|none]\n"


def test_a_moved_checkout_installs_again(checkout: Path, path: Path) -> None:
    call(checkout / "yivideo", path=path)
    moved = checkout.rename(checkout.with_name("moved"))
    assert installs(call(moved / "yivideo", path=path)) == 1


def test_an_installation_whose_python_is_gone_is_made_again(checkout: Path, path: Path) -> None:
    call(checkout / "yivideo", path=path)
    link = checkout / ".venv/bin/python"
    link.unlink()
    link.symlink_to("/nonexistent/python3.11")
    assert installs(call(checkout / "yivideo", path=path)) == 1


def test_the_tests_have_an_installation_of_their_own(checkout: Path, path: Path) -> None:
    call(checkout / "yivideo", path=path)
    done = call(checkout / "yivideo", "test", "-k", "a b", path=path, cwd=path)
    assert installs(done) == 1
    two_at_a_time = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    assert started(done) == ["-P", "-m", "pytest", "-m", "not gpu and not slow", *two_at_a_time, "-k", "a b"]
    assert done.stdout.rpartition("cwd=")[2].startswith(f"{checkout}\n")
    assert installs(call(checkout / "yivideo", "test", path=path)) == 0
    assert installs(call(checkout / "yivideo", "run", path=path)) == 0


def test_the_checkouts_settings_are_used_unless_others_are_named(checkout: Path, path: Path) -> None:
    done = call(checkout / "yivideo", "doctor", path=path)
    assert f"config={checkout}/config.yml\n" in done.stdout
    named = subprocess.run(
        [checkout / "yivideo", "doctor"],
        env={"PATH": str(path), "YIVIDEO_CONFIG": "mine.yml"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "config=mine.yml\n" in named.stdout


def test_a_python_that_is_too_old_is_refused_in_one_line(checkout: Path, path: Path) -> None:
    python(path, too_old=True)
    done = call(checkout / "yivideo", "doctor", path=path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt install" in done.stderr
    assert not (checkout / ".venv").exists()


def test_no_python_at_all_is_said(checkout: Path, path: Path) -> None:
    (path / "python3").unlink()
    done = call(checkout / "yivideo", "doctor", path=path)
    assert done.returncode == 1
    assert "there is no python3" in done.stderr


def test_a_newer_python_is_found_by_its_version(checkout: Path, path: Path) -> None:
    (path / "python3").rename(path / "python3.12")
    python(path, too_old=True)
    assert call(checkout / "yivideo", "doctor", path=path).returncode == 0


def test_a_failed_installation_ends_the_call_with_its_exit_code(checkout: Path, path: Path) -> None:
    (path / "python3").write_text('#!/bin/sh\n[ "$1" = -c ] || exit 7\n')
    done = call(checkout / "yivideo", "doctor", path=path)
    assert (done.returncode, done.stdout) == (7, "")
