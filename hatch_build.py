"""Puts content and collection into a wheel; an editable installation has those of the checkout, and no copy of them."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    """hatchling's own force-include copies into an editable installation too, where the copy would go stale."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is standard or editable."""
        if version == "standard":
            build_data["force_include"].update(self.config["content"])
