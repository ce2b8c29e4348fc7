"""From trust profiles and WireGuard peers to deny-by-default rules in the kernel."""
