"""Days on which no rotation begins: as the inventory writes them, and what is wrong with one, with its line."""

from datetime import date, timedelta

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harden.errors import HardenError
from harden_secrets.cluster.holder import Holder, process_ended
from harden_secrets.inventory.blackouts import blackout_text, free_days, is_black, leaves_no_day, parse_blackout
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Blackout
from harden_secrets.inventory.rendering import block, flow
from harden_secrets.inventory.schema import inventory_schema

DAY = timedelta(days=1)
VALIDATOR = Draft202012Validator(inventory_schema())


def written(blackout: str) -> str:
    rotate = f"{{every: 1d, blackout: {blackout}}}"
    return (
        f"version: 1\nsecrets:\n  one:\n    kind: command\n    path: a\n    command: [/bin/a]\n    rotate: {rotate}\n"
    )


def read(blackout: str) -> tuple[Blackout, ...]:
    rotate = read_inventory(written(blackout).encode(), "secrets.yaml").secrets["one"].rotate
    assert rotate is not None
    return rotate.blackout


def black(blackout: str, *days: str) -> list[bool]:
    return [is_black([parse_blackout(blackout)], date.fromisoformat(day)) for day in days]


def test_days_ranges_and_weekdays_are_read() -> None:
    """One or a list; a range holds both its ends, and goes over New Year where it has no year."""
    assert read("sat") == (Blackout(weekday=5),)
    assert read("[2026-12-24, Sun]") == (Blackout(date(2026, 12, 24), date(2026, 12, 24)), Blackout(weekday=6))
    assert black("2026-12-24", "2026-12-23", "2026-12-24", "2027-12-24") == [False, True, False]
    ends = ("2026-12-19", "2026-12-20", "2027-01-06", "2027-01-07", "2030-12-31")
    assert black("2026-12-20..2027-01-06", *ends) == [False, True, True, False, False]
    assert black("12-20..01-06", *ends) == [False, True, True, False, True]
    assert black("02-29", "2028-02-29", "2028-02-28", "2028-03-01") == [True, False, False]
    assert black("02-28..03-01", "2027-02-28", "2027-03-01", "2028-02-29", "2027-03-02") == [True, True, True, False]
    assert black("sat", "2026-11-28", "2026-11-29") == [True, False]


@pytest.mark.parametrize(
    ("blackout", "words"),
    [
        ("christmas", 'bad blackout "christmas": write it as 2026-12-24'),
        ("2026-02-30", '"2026-02-30" has no such day'),
        ("02-30", '"02-30" has no such day'),
        ("0000-01-01", "has no such day"),
        ("13-01", "has no such day"),
        ("2026-12-24..01-06", "bad blackout"),
        ("12-24..2027-01-06", "bad blackout"),
        ("2027-01-06..2026-12-20", "ends before it begins"),
        ("2026-01-01..2027-12-31", "is longer than a year"),
        ("[sat, 7]", '"blackout" must be text, not the number 7'),
        ("{from: sat}", '"blackout" must be a list'),
        ("01-01..12-31", '"blackout" leaves no day on which a rotation could begin'),
        ("[mon, tue, wed, thu, fri, sat, sun]", '"blackout" leaves no day'),
        ("[01-01..06-30, 07-01..12-31]", '"blackout" leaves no day'),
    ],
)
def test_what_is_wrong_is_told_with_its_line(blackout: str, words: str) -> None:
    """And what to write instead."""
    with pytest.raises(HardenError) as error:
        read(blackout)
    assert any(message.startswith("secrets.yaml:7: ") and words in message for message in error.value.messages), error


def test_one_day_in_many_years_is_enough() -> None:
    """A leap day that is a Sunday comes every 28 years."""
    rare = [parse_blackout(one) for one in ("01-01..02-28", "03-01..12-31", "mon", "tue", "wed", "thu", "fri", "sat")]
    assert not leaves_no_day(rare)
    assert next(free_days(rare, date(2026, 1, 1))) == date(2032, 2, 29)


BLACKOUTS = st.one_of(
    st.integers(0, 6).map(lambda weekday: Blackout(weekday=weekday)),
    st.tuples(st.dates(), st.integers(0, 366))
    .filter(lambda one: one[0] <= date.max - 367 * DAY)
    .map(lambda one: Blackout(one[0], one[0] + one[1] * DAY)),
    st.tuples(st.dates(date(2000, 1, 1), date(2000, 12, 31)), st.dates(date(2000, 1, 1), date(2000, 12, 31))).map(
        lambda days: Blackout(days[0], days[1], yearly=True)
    ),
)


@settings(deadline=None)
@given(BLACKOUTS)
def test_a_blackout_is_read_as_it_was_written(blackout: Blackout) -> None:
    """Entries that are added to an inventory say the same."""
    assert parse_blackout(blackout_text(blackout)) == blackout


@settings(max_examples=25, deadline=None)
@given(st.lists(BLACKOUTS, min_size=1, max_size=3).filter(lambda found: not leaves_no_day(found)))
def test_an_entry_is_rendered_with_it_and_fits_the_schema(blackouts: list[Blackout]) -> None:
    """Block style and between braces."""
    texts = f"[{', '.join(map(blackout_text, blackouts))}]"
    entry = read_inventory(written(texts).encode(), "secrets.yaml").secrets["one"]
    for text in (f"version: 1\nsecrets:\n{block(entry, '  ')}", f"version: 1\nsecrets: {{{flow(entry)}}}\n"):
        again = read_inventory(text.encode(), "secrets.yaml").secrets["one"]
        assert again.rotate == entry.rotate
        VALIDATOR.validate(yaml.load(text, yaml.BaseLoader) | {"version": 1})


def test_a_machine_that_nobody_knows_has_no_ended_processes() -> None:
    """A service that sees of /proc its processes only cannot tell two machines apart."""
    assert not process_ended(Holder("elsewhere", "unknown", 2**22 + 1, "rotate one"))
