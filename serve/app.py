"""The service's builder, for `serve run serve.app:build` from a checkout. Installed, its import path is
yivideo_ray.http.deployment:build."""

from yivideo_ray.http.deployment import BuildArguments, build

__all__ = ["BuildArguments", "build"]
