"""The commands of ``harden secrets``, one module each."""
