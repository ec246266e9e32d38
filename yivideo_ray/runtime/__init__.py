"""Workflows on Ray: the only package that imports ray, and it does so when a session first needs it.

Several workflows share the GPU actor and the cluster's CPUs; `session(settings)` is the way in.
"""

from yivideo_ray.runtime.session import Session, session

__all__ = ["Session", "session"]
