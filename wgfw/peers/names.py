"""Which comment names which peer.

What belongs to whom: comments between a section's header and its last setting are that section's. Comments
between two sections are the next one's if they touch its header, the last one's if they touch only its last
setting, and nobody's otherwise, unless they say that they hold a name. A wrong name would give a client somebody
else's rights, so whatever is not clear is left out, above all what belongs to a peer that is commented out itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from wgfw.peers.comments import Kind, classify


@dataclass(slots=True)
class Span:
    """Where a section stands: indices of its header and of its first and last setting (the header's if none)."""

    header: int
    is_peer: bool
    first: int = -1
    last: int = -1

    def __post_init__(self) -> None:
        self.last = self.header

    def extend(self, index: int) -> None:
        """One more line with a setting."""
        if self.first < 0:
            self.first = index
        self.last = index


class Rank(IntEnum):
    """How much a place means; the highest wins, the first of equals."""

    ON_KEY_LINE = 1
    TRAILING = 2
    AMONG_SETTINGS = 3
    BEFORE_HEADER = 4
    ON_HEADER = 5
    UNDER_HEADER = 6
    LABEL_APART = 7
    LABEL_TRAILING = 8
    LABEL_BEFORE = 9
    LABEL_INSIDE = 10


Comment = tuple[Kind, str | None]
Block = list[Comment]


class _Best:
    """The best name seen for one section."""

    __slots__ = ("name", "rank")

    def __init__(self) -> None:
        self.rank = 0
        self.name: str | None = None

    def offer(self, rank: int, name: str | None) -> None:
        """Take this name if its place means more than what there is."""
        if name is not None and rank > self.rank:
            self.rank, self.name = rank, name

    def offer_block(self, block: Block, label_rank: int, plain_rank: int) -> None:
        """The names in comments that stand together: a plain one counts only where no prose comes before it."""
        plain = True
        for kind, name in block:
            if kind is Kind.LABEL or kind is Kind.OPEN:
                self.offer(label_rank, name)
            elif kind is Kind.PLAIN and plain:
                self.offer(plain_rank, name)
            if kind is Kind.PLAIN or kind is Kind.PROSE:
                plain = False


@dataclass(slots=True)
class Gap:
    """The comments between two sections, in blocks parted by blank lines."""

    blocks: list[Block]
    touches_last: bool
    touches_next: bool


def section_names(lines: Sequence[bytes], spans: Sequence[Span]) -> list[str | None]:
    """The friendly name of every section, None where there is none (always for a section that is no peer)."""
    best = [_Best() for _ in spans]
    gaps = [_gap(lines, a.last + 1 if a else 0, b) for a, b in _bounds(lines, spans)]
    for span, one in zip(spans, best, strict=True):
        if span.is_peer:
            _inside(lines, span, one)
    after = _names_come_after(spans, best, gaps)
    for index, gap in enumerate(gaps):
        if gap is not None:
            before = best[index - 1] if index else _Best()
            following = best[index] if index < len(best) else _Best()
            _between(gap, before, following, after)
    return [one.name if span.is_peer else None for span, one in zip(spans, best, strict=True)]


def _bounds(lines: Sequence[bytes], spans: Sequence[Span]) -> Iterator[tuple[Span | None, int]]:
    """The section before each gap, and where the gap ends."""
    last: Span | None = None
    for span in spans:
        yield last, span.header
        last = span
    yield last, len(lines)


def _gap(lines: Sequence[bytes], start: int, end: int) -> Gap | None:
    """The comments from ``start`` up to ``end``; there is nothing else but blank lines. None without any."""
    blocks: list[Block] = []
    inside = False
    for raw in lines[start:end]:
        line = raw.strip()
        if not line:
            inside = False
            continue
        if not inside:
            blocks.append([])
            inside = True
        blocks[-1].append(classify(line.decode("utf-8", "replace")))
    if not blocks:
        return None
    return Gap(blocks, touches_last=bool(lines[start].strip()), touches_next=inside and end < len(lines))


def _inside(lines: Sequence[bytes], span: Span, best: _Best) -> None:
    """Comments on the header, between it and the last setting, and on those lines themselves."""
    run: Block = []
    dead = prose = False
    settings = 0
    for index in range(span.header, span.last + 1):
        line = lines[index].strip()
        if line.startswith(b"#"):
            run.append(classify(line.decode("utf-8", "replace")))
            continue
        if run:
            dead = dead or any(kind is Kind.DEAD for kind, _ in run)
            prose = prose or any(kind is Kind.PROSE for kind, _ in run)
            if not dead:
                # Where one setting is explained, the others are too: those comments are no names.
                among = 0 if prose else Rank.AMONG_SETTINGS
                best.offer_block(run, Rank.LABEL_INSIDE, among if settings > 1 else Rank.UNDER_HEADER)
            run = []
        if not line:
            continue
        dead = False
        settings += 1
        cut = line.find(b"#")
        if cut > 0:
            on_header = index == span.header
            plain = Rank.ON_HEADER if on_header else Rank.ON_KEY_LINE if line[:9].lower() == b"publickey" else 0
            best.offer_block([classify(line[cut:].decode("utf-8", "replace"))], Rank.LABEL_INSIDE, plain)


def _names_come_after(spans: Sequence[Span], best: Sequence[_Best], gaps: Sequence[Gap | None]) -> bool:
    """Whether this file puts names after the settings: the first peer has none above or inside, the last one has."""
    first = next((i for i, span in enumerate(spans) if span.is_peer), None)
    if first is None or best[first].rank or gaps[first] is not None:
        return False
    end = gaps[-1]
    return end is not None and end.touches_last and any(kind in (Kind.LABEL, Kind.PLAIN) for kind, _ in end.blocks[0])


def _between(gap: Gap, last: _Best, following: _Best, names_come_after: bool) -> None:
    """Give the comments between two sections to one of them, or to nobody."""
    dead = False
    apart: list[Block] = []
    for index, block in enumerate(gap.blocks):
        touches_last = index == 0 and gap.touches_last
        touches_next = index == len(gap.blocks) - 1 and gap.touches_next
        kinds = {kind for kind, _ in block}
        dead = dead or Kind.DEAD in kinds
        if Kind.DEAD in kinds or (dead and (Kind.DEAD_KEY in kinds or not touches_next)):
            apart = [_openings(block)]  # what stood before meant the peer that is commented out
        elif Kind.CLOSE in kinds:
            _give_next(_after_close(block), touches_next, following, apart)
        elif touches_last and (names_come_after or not touches_next):
            last.offer_block([c for c in block if c[0] is not Kind.OPEN], Rank.LABEL_TRAILING, Rank.TRAILING)
            apart.append(_openings(block))
        elif touches_last and sum(kind in (Kind.LABEL, Kind.PLAIN) for kind, _ in block) > 1:
            apart.append(_openings(block))  # whose are they?
        else:
            _give_next(block, touches_next, following, apart)
    for block in reversed(apart):
        following.offer_block(block, Rank.LABEL_APART, 0)


def _give_next(block: Block, touches_next: bool, following: _Best, apart: list[Block]) -> None:
    """Comments that mean the next section: for sure when they touch it, else only those that say so."""
    if touches_next:
        following.offer_block(block, Rank.LABEL_BEFORE, Rank.BEFORE_HEADER)
    else:
        apart.append(block)


def _openings(block: Block) -> Block:
    """What opens a peer after the last line of one that is commented out."""
    dead = max((i for i, (kind, _) in enumerate(block) if kind in (Kind.DEAD, Kind.DEAD_KEY)), default=-1)
    return [comment for comment in block[dead + 1 :] if comment[0] is Kind.OPEN]


def _after_close(block: Block) -> Block:
    """What comes after the last end marker: anything before it is about the peer that ends there."""
    last = max(i for i, (kind, _) in enumerate(block) if kind is Kind.CLOSE)
    return block[last + 1 :]
