"""python -m yivideo_ray: the same as the yivideo command, for `ray job submit` and wherever no script is installed."""

import sys

from yivideo_ray.cli import main

if __name__ == "__main__":
    sys.exit(main())
