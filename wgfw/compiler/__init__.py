"""From a policy to a rule set: pure, deterministic, and written apart from the evaluator."""

from wgfw.compiler.gateway import compile_policy

__all__ = ["compile_policy"]
