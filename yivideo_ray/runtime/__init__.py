"""Workflows on Ray: the only package that imports ray, and it does so when a session first needs it.

Several workflows share the GPU actor and the cluster's CPUs; `yivideo_ray.runtime.session.Session` is the way
in. Nothing is imported here: the worker processes need the tasks alone, and each starts sooner by the rest.
"""
