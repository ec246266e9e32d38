"""Installs what ./yivideo found missing into .venv beside it. Standard library only; called by ./yivideo.

Arguments: the project's directory, the build of onnxruntime that is asked for (empty: the one that is there, else the
CPU's), then pairs of a part's name and the stamp to write once that part is installed; of the builds, only the one
that it comes to is installed. A part is done when its stamp is written, which comes last: whatever stopped half way is
done again. One installation at a time: a second call waits for the first and then finds everything in place.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

# The builds of onnxruntime by the locks that hold them, each with its distribution. All of them unpack into the same
# directory, so that an environment holds one.
BUILDS = {"cpu": "onnxruntime", "cu12": "onnxruntime-gpu", "cu13": "onnxruntime-gpu"}
# Rounded up from what `du` shows in a finished .venv, with as much again for the wheels while they are unpacked.
DISK_NEEDED_GIB = {"run": 3.0, "cu12": 6.0, "cu13": 6.0, "test": 2.0}
FETCHED_GB = {"run": 0.5, "cu12": 2.0, "cu13": 2.0}
# These would send the packages somewhere else than into .venv.
MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_DRY_RUN", "PIP_REQUIRE_HASHES")
# A plain path entry instead of an import hook: starts faster, and sees directories that come later.
EDITABLE = "editable_mode=compat"
# Everything is named in the locks: pip resolves nothing. It compiles on one core; compile_all does it on all of them.
INSTALL = ("install", "--no-compile", "--no-deps", "--progress-bar", "off")
SOURCES = ("yivideo_ray", "benchmarks", "tests")
# By the start of the library's name. The Debian package that has it.
SYSTEM_PACKAGES = {"libGL": "libgl1", "libgthread": "libglib2.0-0", "libglib": "libglib2.0-0", "libstdc": "libstdc++6"}
# What pip prints, and what to do about it; the first match counts.
REMEDIES = (
    (r"No space left on device", "Free some disk space and call again."),
    (r"DO NOT MATCH THE HASHES", "The package index serves other files than the lock names: use another index."),
    (
        r"Temporary failure in name resolution|NewConnectionError|ConnectTimeout|ProxyError|ReadTimeout|SSLError",
        "Check the network, or point pip to an index that can be reached (PIP_INDEX_URL), and call again.",
    ),
    (
        r"No matching distribution found",
        "The package index has no build of this package for this Python and system; Python 3.11 to 3.14 on Linux has.",
    ),
)
WAY_BACK = "./yivideo install --gpu none goes back to the CPU."


class InstallError(Exception):
    """One sentence on what is wrong, with its remedy."""


def main(arguments: list[str]) -> int:
    root, asked = Path(arguments[0]), arguments[1]
    parts = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    try:
        install(root, asked, parts)
    except InstallError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.filename or root / '.venv'} can't be written: {error.strerror or error}.")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next call goes on with the installation.")
        return 130
    return 0


def install(root: Path, asked: str, parts: dict[str, str]) -> None:
    """Brings .venv to what parts say, in their order."""
    venv = root / ".venv"
    with locked(venv) as lock:
        build = asked or build_of(venv)
        parts = {part: stamp for part, stamp in parts.items() if part not in BUILDS or part == build}
        missing = [part for part, stamp in parts.items() if not has(venv, part, stamp)]
        # Parts build on the earlier ones: where the first is out of date, or half installed, all start afresh.
        if "run" in missing:
            missing = list(parts)
        check_disk(root, missing)
        # First of all: what is interrupted goes on with the same build.
        write(venv / "build", build)
        if not missing:
            say(f"all is there in {venv}, with {BUILDS[build]} for {build}.")
            return
        started = time.monotonic()
        size = sum(FETCHED_GB.get(part, 0.0) for part in missing)
        if size:
            say(f"setting up {venv}: fetches about {size:g} GB, once, which takes a few minutes.")
        if "run" in missing:
            clear(venv)
            create(venv, lock)
        native = [part for part in missing if part in ("cv2", build)]
        for part in missing:
            install_part(root, venv, lock, part)
            if [part] == native[-1:]:
                check_loads(venv)
            if part == missing[-1]:
                compile_all(root, venv)
            write(venv / f"have-{part}", parts[part])
        say(f"ready after {time.monotonic() - started:.0f} s.")


def install_part(root: Path, venv: Path, lock: int, part: str) -> None:
    """Installs one part, whose stamp goes first."""
    (venv / f"have-{part}").unlink(missing_ok=True)
    if part == "project":
        pip(venv, lock, part, *INSTALL, "--no-build-isolation", "--config-settings", EDITABLE, "-e", str(root))
        return
    if part in BUILDS:
        for other in BUILDS:
            (venv / f"have-{other}").unlink(missing_ok=True)
        # Behind a second one that is unpacked over it, removing the first would take the second one's files.
        pip(venv, lock, part, "uninstall", "--yes", *names_in(root / f"locks/{build}.lock" for build in BUILDS))
    file = root / f"locks/{part}.lock"
    pip(venv, lock, part, *INSTALL, "--require-hashes", "--only-binary", ":all:", "-r", str(file))


def build_of(venv: Path) -> str:
    """Returns the build of onnxruntime that an earlier call chose, the CPU's if none did."""
    try:
        chosen = (venv / "build").read_text(encoding="utf-8").strip()
    except OSError:
        chosen = ""
    return chosen if chosen in BUILDS else "cpu"


def names_in(locks: Iterable[Path]) -> list[str]:
    """Returns the packages that the lock files name, each once."""
    pinned = "".join(lock.read_text(encoding="utf-8") for lock in locks)
    return sorted(set(re.findall(r"^([a-z0-9-]+)==", pinned, re.MULTILINE)))


@contextmanager
def locked(venv: Path) -> Iterator[int]:
    """Holds the only right to change venv; yields the lock's file descriptor. Makes the directory."""
    foreign = venv.exists() and any(venv.iterdir()) and not (venv / "lock").exists()
    if foreign:
        raise InstallError(f"{venv} was made by something else. Move it away, or delete it, and call again.")
    venv.mkdir(exist_ok=True)
    descriptor = os.open(venv / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another call is installing; waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def has(venv: Path, part: str, wanted: str) -> bool:
    """Tells whether a part is there; a build of onnxruntime is where no other one was installed beside it by hand."""
    file = venv / f"have-{part}"
    if not (venv / "bin" / "python").exists() or not file.is_file() or file.read_text().rstrip("\n") != wanted:
        return False
    return part not in BUILDS or distributions(venv) == [BUILDS[part]]


def distributions(venv: Path) -> list[str]:
    """Returns which builds of onnxruntime are installed."""
    found = venv.glob("lib/python*/site-packages/onnxruntime*.dist-info")
    return sorted({path.name.partition("-")[0].replace("_", "-") for path in found} & set(BUILDS.values()))


def write(file: Path, text: str) -> None:
    """Writes one line, whole or not at all."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(file)


def check_disk(root: Path, missing: list[str]) -> None:
    needed = sum(DISK_NEEDED_GIB.get(part, 0.0) for part in missing)
    free = shutil.disk_usage(root).free / 2**30
    if free < needed:
        raise InstallError(f"{root} needs {needed:g} GiB of free disk and has {free:.1f}. Free some and call again.")


def clear(venv: Path) -> None:
    """Empties venv but for the name of its build, and for the lock, which must stay the same file for whoever waits on
    it."""
    # The stamps first: what is left of a half-done removal must not look complete.
    for entry in sorted(venv.iterdir(), key=lambda entry: not entry.name.startswith("have-")):
        if entry.name in ("lock", "build"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def create(venv: Path, lock: int) -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InstallError(
            f"{sys.executable} can't make virtual environments. "
            f"Install the missing module, for example with: apt install python{version}-venv"
        )
    # The resolved path names the version, so .venv notices when python3 becomes another one.
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    done = run([python, "-I", "-m", "venv", str(venv)], lock)
    if done.returncode:
        raise InstallError(f"{python} could not make a virtual environment: {last_line(done.stdout)}")


def pip(venv: Path, lock: int, part: str, *arguments: str) -> None:
    """Runs pip for a part, with its output in install.log."""
    command = [str(venv / "bin" / "python"), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    log = venv / "install.log"
    names = 0
    with (
        log.open("a", encoding="utf-8") as record,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # The child holds the lock too: if this process is killed, the next one waits for pip to end.
            pass_fds=(lock,),
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        output = []
        for line in process.stdout:
            record.write(line)
            output.append(line)
            if line.startswith("Collecting "):
                names += 1
                if names % 25 == 0:
                    say(f"{part}: {names} packages fetched")
            elif line.startswith("Installing collected packages") and names:
                say(f"{part}: {names} packages fetched, unpacking")
    if process.returncode:
        text = "".join(output)
        remedy = next((remedy for pattern, remedy in REMEDIES if re.search(pattern, text)), f"{log} has all of it.")
        back = f" {WAY_BACK}" if part in BUILDS and part != "cpu" else ""
        raise InstallError(f"pip could not install {part}: {last_line(text)} {remedy}{back}")


def compile_all(root: Path, venv: Path) -> None:
    """Compiles what is installed, and the project's own modules, on all cores. Ray starts a dozen processes for a run,
    and where Python may not write bytecode, as in many containers, each would compile every module it imports."""
    say("compiling")
    ours = [str(root / name) for name in SOURCES if (root / name).is_dir()]
    # Packages carry files that are not for this Python: what can't be compiled is no error.
    run([str(venv / "bin" / "python"), "-I", "-m", "compileall", "-qq", "-j", "0", str(venv / "lib"), *ours])


def check_loads(venv: Path) -> None:
    """Shows now, in one line, what would be a traceback later: a library that the system doesn't have."""
    done = run([str(venv / "bin" / "python"), "-I", "-c", "import cv2, av, onnxruntime"])
    if done.returncode:
        missing = re.search(r"(lib\S+?\.so\S*): cannot open shared object", done.stdout)
        name = missing.group(1) if missing else ""
        package = next((found for start, found in SYSTEM_PACKAGES.items() if name.startswith(start)), "")
        remedy = f" Install it, for example with: apt install {package}" if package else ""
        raise InstallError(f"an installed package can't be loaded: {last_line(done.stdout)}{remedy}")


def run(command: list[str], *descriptors: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        # onnxruntime gives the machine an identifier where it is only imported, to send telemetry under it.
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
        text=True,
        errors="replace",
        check=False,
    )


def last_line(text: str) -> str:
    """Returns the last line that says something, pip's ERROR line if there is one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["no reason was given."])[-1]


def say(text: str) -> None:
    print(f"yivideo: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
