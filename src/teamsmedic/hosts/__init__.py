"""The ways to reach a device."""
