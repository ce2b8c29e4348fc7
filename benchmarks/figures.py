"""What is measured: ratios against a named baseline in the same run, since machines are noisy and differ."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the result. ``value`` is what the limit is about; ``detail`` says how it came about."""

    name: str
    value: float
    limit: float
    detail: str
    unit: str = ""

    def row(self) -> str:
        """A line of a Markdown table."""
        verdict = "yes" if self.value <= self.limit else "**no**"
        return (
            f"| {self.name} | {self.value:.2f}{self.unit} | ≤ {self.limit:g}{self.unit} | {verdict} | {self.detail} |"
        )
