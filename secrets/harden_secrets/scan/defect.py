"""An exception that nobody expected, in words that cannot quote a value."""

import traceback


def defect_in(error: BaseException) -> str:
    """Its type and where it was raised. Its text is left out: it may hold what was looked at."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"internal error: {type(error).__name__}{place}; this is a defect in harden"
