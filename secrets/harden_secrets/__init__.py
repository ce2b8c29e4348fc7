"""Finds key material, moves it into custody and rotates it."""
