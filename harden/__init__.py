"""harden: trust profiles for WireGuard gateways, custody and rotation for keys."""

__version__ = "0.1.0"
