"""Workflows on Ray, which is imported when a session first needs it. But for the deployment (http.deployment), no other
package imports ray.

Several workflows share the GPU actor and the cluster's CPUs; `yivideo_ray.runtime.session.Session` is the way
in. Nothing is imported here: the worker processes need the tasks alone, and each starts sooner by the rest.
"""
