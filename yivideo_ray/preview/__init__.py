"""Pictures of what was found: which frame to show, and what is drawn on it."""

from yivideo_ray.preview.frame import telling_frame
from yivideo_ray.preview.overlay import Mark, draw, marks

__all__ = ["Mark", "draw", "marks", "telling_frame"]
