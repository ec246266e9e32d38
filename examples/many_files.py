"""Works on many videos at a time, on a local Ray or on the cluster that RAY_ADDRESS names, and shows how far each is.

python examples/many_files.py results a.mp4 b.mkv c.webm
"""

import sys
from pathlib import Path

from yivideo_ray import Event, Session


def show(event: Event) -> None:
    if event.total_s and event.done_s:
        print(f"{Path(event.video).name}: {event.done_s:.0f} of {event.total_s:.0f} s", file=sys.stderr)


def main(output_dir: Path, videos: list[Path]) -> int:
    with Session() as session:
        results = session.extract(videos, output_dir=output_dir, on_progress=show)
    for video, result in zip(videos, results, strict=True):
        # One that failed stops no other.
        print(f"{video.name}: {result.error['message'] if result.error else f'{len(result.cues)} cues'}")
    return 1 if any(result.error for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
