"""Where the ledgers of GPU actors lie, without Ray."""

from __future__ import annotations

from yivideo_ray.runtime.gpu.ledger import Ledger

__all__ = ["Cluster"]


class Cluster(dict[str, bytes]):
    """A store, and the actors that come and go with it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def put(self, key: str, value: bytes) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)

    def process(self, slot: int = 0, *, fresh: bool = False) -> Ledger:
        return Ledger(self, "pool", slot, fresh=fresh, now=lambda: self.now)
