"""Rotation: a new key made, stored, installed, proved and delivered; the old one retired and proved refused."""
