"""The rules for tests of the program hold for those of its training as well."""

from __future__ import annotations

from tests.conftest import (
    _no_ray_in_unit_tests,
    _no_settings_from_outside,
    _no_unexpected_error_logs,
    expects_error_logs,
)

__all__ = ["_no_ray_in_unit_tests", "_no_settings_from_outside", "_no_unexpected_error_logs", "expects_error_logs"]
