"""Says who must act on a Microsoft Teams error code, and checks, repairs, proves and undoes on the device."""

__version__ = "0.1.0"
