"""Prints the subtitles of one video, and writes them beside it.

python examples/one_file.py film.mp4
"""

import sys
from pathlib import Path

from yivideo_ray import Event, YivideoError, extract


def show(event: Event) -> None:
    if event.message:
        print(event.message, file=sys.stderr)


def main(video: Path) -> int:
    try:
        result = extract(video, on_progress=show)
    except YivideoError as error:
        # code is stable, for programs; the message and the remedy are for people.
        print(f"{error.code.name}: {error.message} {error.remedy}", file=sys.stderr)
        return 1
    for cue in result.cues:
        print(f"{cue.start_s:8.2f} {cue.end_s:8.2f}  {' / '.join(cue.lines)}")
    with video.with_suffix(".srt").open("x", encoding="utf-8") as file:
        file.write(result.as_text("srt"))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
