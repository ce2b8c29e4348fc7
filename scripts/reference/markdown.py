"""Text for Markdown: cells of tables, and regions of a page that is otherwise written by hand."""

from collections.abc import Iterable, Iterator, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table. A bar in a cell is a bar, in code as well."""
    yield _row(headings)
    yield _row(["---"] * len(headings))
    for row in rows:
        yield _row(row)


def code(text: str) -> str:
    """Text in code style."""
    return f"`{text}`"


def replace_region(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with new lines between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``. Raises ValueError without."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->\n"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no region {begin.strip()} … {end.strip()}")
    return "".join([before, begin, *(f"{line}\n" for line in lines), end, after])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
