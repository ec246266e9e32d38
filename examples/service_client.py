"""Gives a video to a service and prints its subtitles. The service: `yivideo serve`, here or elsewhere.

python examples/service_client.py http://localhost:8788 film.mp4
"""

import os
import sys
from pathlib import Path

from yivideo_ray import Client


def main(url: str, video: Path) -> None:
    with Client(url, key=os.environ.get("YIVIDEO_KEY")) as client:
        result = client.extract(video)
    print(result.as_text("srt"), end="")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
