"""Peers: who may connect, as a wg-quick file or a running interface says."""
