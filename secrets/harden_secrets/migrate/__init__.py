"""Carrying out a plan: steps, a journal, and going on or back after a crash at any moment."""
