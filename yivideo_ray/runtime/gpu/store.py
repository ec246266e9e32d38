"""A ledger's store in Ray's own key-value store, which lives as long as the cluster, whatever becomes of nodes."""

from __future__ import annotations

import logging

import ray.experimental.internal_kv as kv

__all__ = ["ClusterStore"]

NAMESPACE = b"yivideo"
_log = logging.getLogger(__name__)


class ClusterStore:
    """What can't be written is lost, with a line in the log."""

    def get(self, key: str) -> bytes | None:
        try:
            found: bytes | None = kv._internal_kv_get(key.encode(), namespace=NAMESPACE)
        except Exception as error:
            self._lost(error)
            return None
        return found

    def put(self, key: str, value: bytes) -> None:
        try:
            kv._internal_kv_put(key.encode(), value, overwrite=True, namespace=NAMESPACE)
        except Exception as error:
            self._lost(error)

    def delete(self, key: str) -> None:
        try:
            kv._internal_kv_del(key.encode(), namespace=NAMESPACE)
        except Exception as error:
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        _log.warning("Ray's key-value store can't be reached: %s", error)
