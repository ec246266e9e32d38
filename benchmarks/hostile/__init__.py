"""A service under attack: damaged videos, hostile HTTP, slow senders."""
