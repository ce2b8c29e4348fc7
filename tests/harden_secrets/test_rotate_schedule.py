"""When a secret is due, when its rotation may begin, and when it is overdue: by the clock on the wall, where it is."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harden_secrets.inventory.blackouts import is_black, leaves_no_day, parse_blackout
from harden_secrets.inventory.model import Rotate, SecretEntry, SecretKind, Window
from harden_secrets.inventory.spans import parse_window
from harden_secrets.rotate.schedule.openings import NoDayLeftError, openings, share
from harden_secrets.rotate.schedule.standing import Standing, order, standing

BUCHAREST, NEW_YORK, LORD_HOWE = "Europe/Bucharest", "America/New_York", "Australia/Lord_Howe"
DAY = timedelta(days=1)


def schedule(window: str = "", *blackout: str, every: timedelta = 30 * DAY, jitter: timedelta = timedelta()) -> Rotate:
    hours = Window(*parse_window(window)) if window else None
    return Rotate(every, window=hours, jitter=jitter, blackout=tuple(parse_blackout(one) for one in blackout))


def entry(rotate: Rotate | None, name: str = "one") -> SecretEntry:
    return SecretEntry(name, SecretKind.SSH_KEY, f"apps/{name}", rotate=rotate)


def at(rotate: Rotate, created: str, now: str, name: str = "one") -> Standing:
    found = standing(entry(rotate, name), utc(created), utc(now), UTC)
    assert found is not None
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def opened(window: str, zone: str, since: str, *blackout: str) -> tuple[str, str]:
    """The first opening after a moment, on the clock there."""
    name = ZoneInfo(zone)
    found = next(openings(schedule(window, *blackout), name, datetime.fromisoformat(since).replace(tzinfo=name), 0))
    return tuple(f"{one.astimezone(name):%m-%d %H:%M %z}" for one in (found.begin, found.close))  # type: ignore[return-value]


def test_a_secret_without_rotate_is_not_scheduled() -> None:
    """There is nothing to say of it."""
    assert standing(entry(None), utc("2026-01-01"), utc("2026-01-02"), UTC) is None


def test_a_secret_is_due_after_its_time_and_overdue_a_day_later() -> None:
    """Without a window it begins when it is due."""
    rotate = schedule()
    before = at(rotate, "2026-01-01T10:00", "2026-01-31T09:59:59")
    assert (before.is_due, before.may_begin, before.next_start) == (False, False, utc("2026-01-31T10:00"))
    due = at(rotate, "2026-01-01T10:00", "2026-01-31T10:00")
    assert (due.is_due, due.may_begin, due.is_overdue) == (True, True, False)
    late = at(rotate, "2026-01-01T10:00", "2026-02-01T10:00")
    assert (late.is_overdue, late.next_start) == (True, utc("2026-02-01T10:00"))


def test_a_due_secret_waits_for_its_window() -> None:
    """The next one begins at once within it, and is overdue when it comes again."""
    rotate = schedule("02:00-05:00")
    waiting = at(rotate, "2026-01-01T10:00", "2026-01-31T12:00")
    assert (waiting.is_due, waiting.may_begin, waiting.next_start) == (True, False, utc("2026-02-01T02:00"))
    assert not at(rotate, "2026-01-01T10:00", "2026-02-01T05:00").may_begin
    assert at(rotate, "2026-01-01T10:00", "2026-02-01T04:59:59").may_begin
    assert not at(rotate, "2026-01-01T10:00", "2026-02-02T01:59").is_overdue
    assert at(rotate, "2026-01-01T10:00", "2026-02-02T02:00").is_overdue


def test_a_rotation_does_not_come_later_in_the_night_each_time() -> None:
    """One that was made at 02:17 is due when the window opens, not at 02:17; else it would creep out of the window."""
    assert at(schedule("02:00-05:00"), "2026-01-01T02:17", "2026-01-02").due_at == utc("2026-01-31T02:00")


def test_a_short_interval_does_not_make_a_version_due_before_it_was_made() -> None:
    """The window opened before it was made."""
    rotate = schedule("02:00-05:00", every=timedelta(hours=1))
    assert at(rotate, "2026-01-01T02:30", "2026-01-01T02:31").due_at == utc("2026-01-01T03:30")


def test_a_blackout_delays_and_makes_nothing_overdue() -> None:
    """From its end on the first night is the first occasion."""
    rotate = schedule("22:00-02:00", "12-20..01-06", "sat", "sun")
    found = at(rotate, "2026-11-26T22:30", "2027-01-06T23:00")  # due on 26 December
    # 7 January is a Thursday: its first two hours belong to a window that opens on a blackout day
    assert (found.is_due, found.is_overdue, found.next_start) == (True, False, utc("2027-01-07T00:00"))


def test_a_window_past_midnight_is_cut_where_one_of_its_days_is_blacked_out() -> None:
    """No rotation begins on such a day, by the clock there."""
    assert opened("22:00-02:00", BUCHAREST, "2026-12-23T12:00", "12-24") == ("12-23 22:00 +0200", "12-24 00:00 +0200")
    assert opened("22:00-02:00", BUCHAREST, "2026-12-24T12:00", "12-24") == ("12-25 00:00 +0200", "12-25 02:00 +0200")


@pytest.mark.parametrize(
    ("window", "zone", "since", "expected"),
    [
        # 29 March 2026 in Bucharest: 03:00 to 04:00 is jumped over
        ("02:30-03:30", BUCHAREST, "2026-03-29T00:00", ("03-29 02:30 +0200", "03-29 04:00 +0300")),
        ("03:30-05:00", BUCHAREST, "2026-03-29T00:00", ("03-29 04:00 +0300", "03-29 05:00 +0300")),
        ("03:10-03:50", BUCHAREST, "2026-03-29T00:00", ("03-30 03:10 +0300", "03-30 03:50 +0300")),
        # 25 October: 03:00 to 04:00 comes twice
        ("02:30-03:30", BUCHAREST, "2026-10-25T00:00", ("10-25 02:30 +0300", "10-25 03:30 +0300")),
        ("03:30-05:00", BUCHAREST, "2026-10-25T00:00", ("10-25 03:30 +0200", "10-25 05:00 +0200")),
        ("03:10-03:50", BUCHAREST, "2026-10-25T00:00", ("10-25 03:10 +0300", "10-25 03:50 +0300")),
        ("02:30-03:30", NEW_YORK, "2026-03-08T00:00", ("03-08 03:00 -0400", "03-08 03:30 -0400")),
        ("00:30-01:30", NEW_YORK, "2026-11-01T00:00", ("11-01 00:30 -0400", "11-01 01:30 -0400")),
        # half an hour: 02:00 to 02:30 is jumped over on 4 October, 01:30 to 02:00 comes twice on 5 April
        ("02:15-03:00", LORD_HOWE, "2026-10-04T00:00", ("10-04 02:30 +1100", "10-04 03:00 +1100")),
        ("01:00-02:10", LORD_HOWE, "2026-10-04T00:00", ("10-04 01:00 +1030", "10-04 02:30 +1100")),
        ("01:45-02:30", LORD_HOWE, "2026-04-05T00:00", ("04-05 01:45 +1030", "04-05 02:30 +1030")),
        # the clock jumps at midnight
        ("23:30-00:30", "Africa/Cairo", "2026-04-23T12:00", ("04-23 23:30 +0200", "04-24 01:00 +0300")),
    ],
)
def test_a_window_keeps_its_hours_where_the_clock_jumps(
    window: str, zone: str, since: str, expected: tuple[str, str]
) -> None:
    """What is jumped over is not there; what comes twice is there once."""
    assert opened(window, zone, since) == expected


def test_leap_days_and_months_ends_are_days() -> None:
    """30 days after 30 January is 29 February in a leap year, and may be the only day that is free."""
    assert at(schedule(), "2028-01-30T10:00", "2028-02-01").due_at == utc("2028-02-29T10:00")
    rare = schedule("02:00-03:00", "01-01..02-28", "03-01..12-31")
    assert at(rare, "2026-01-31T10:00", "2026-03-02").next_start == utc("2028-02-29T02:00")


def test_jitter_is_stable_and_spreads_secrets_over_the_window() -> None:
    """After downtime many are due at once: they begin one after the other, in the whole of the jitter."""
    rotate = schedule("02:00-05:00", jitter=timedelta(hours=2))
    starts = [at(rotate, "2026-01-01", "2026-06-01T12:00", f"key-{number}").next_start for number in range(200)]
    again = [at(rotate, "2026-03-01", "2026-06-01T11:00", f"key-{number}").next_start for number in range(200)]
    assert starts == again
    quarters = [int((start - utc("2026-06-02T02:00")) / timedelta(minutes=30)) for start in starts]
    assert {quarter: quarters.count(quarter) > 25 for quarter in range(4)} == dict.fromkeys(range(4), True)
    assert set(quarters) == set(range(4))
    assert share("a", "bc") != share("ab", "c")


def test_jitter_without_a_window_delays_and_comes_after_a_blackout_too() -> None:
    """Or all that became due in the blackout would begin at midnight."""
    delay = timedelta(seconds=int(3600 * share("one", "apps/one")))
    rotate = schedule("", "2026-02-01..2026-02-10", jitter=timedelta(hours=1))
    assert at(rotate, "2026-03-01T10:00", "2026-03-02").next_start == utc("2026-03-31T10:00") + delay
    assert at(rotate, "2026-01-05T10:00", "2026-02-05").next_start == utc("2026-02-11T00:00") + delay


def test_the_most_overdue_comes_first() -> None:
    """Of two alike, the name decides, so that two hosts take them in one order."""
    made = [("b", "2026-01-02"), ("c", "2026-01-01"), ("a", "2026-01-02")]
    assert [one.name for one in order(at(schedule(), day, "2026-03-01", name) for name, day in made)] == ["c", "a", "b"]


def test_a_schedule_that_never_comes_is_an_error() -> None:
    """The inventory's reading refuses it; who makes one otherwise is told."""
    always = schedule("02:00-03:00", "01-01..12-31")
    assert leaves_no_day(always.blackout)
    with pytest.raises(NoDayLeftError, match="leaves no day"):
        at(always, "2026-01-01", "2026-06-01")


ZONES = st.sampled_from([BUCHAREST, NEW_YORK, LORD_HOWE, "UTC", "Africa/Cairo", "Asia/Kathmandu", "Pacific/Apia"])
TIMES = st.times().map(lambda one: time(one.hour, one.minute))
WINDOWS = st.builds(Window, TIMES, TIMES, ZONES).filter(lambda one: one.start != one.end)
YEARLY = st.tuples(st.dates(date(2000, 1, 1), date(2000, 12, 31)), st.dates(date(2000, 1, 1), date(2000, 12, 31)))
BLACKOUTS = st.one_of(
    st.sampled_from(["mon", "wed", "sat", "sun"]),
    YEARLY.map(lambda days: f"{days[0]:%m-%d}..{days[1]:%m-%d}"),
    st.dates(date(2020, 1, 1), date(2035, 12, 31)).map(lambda day: f"{day}..{day + 20 * DAY}"),
).map(parse_blackout)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@st.composite
def schedules(draw: st.DrawFn, windows: st.SearchStrategy[Window | None] = WINDOWS | st.none()) -> Rotate:  # noqa: B008
    window = draw(windows)
    every = timedelta(minutes=draw(st.integers(60, 60 * 24 * 400)))
    longest = min(every - timedelta(minutes=1), window.length if window else 2 * DAY)
    jitter = timedelta(minutes=draw(st.integers(0, int(longest.total_seconds() // 60))))
    blackout = tuple(draw(st.lists(BLACKOUTS, max_size=3)))
    return Rotate(every, window=window, jitter=jitter, blackout=() if leaves_no_day(blackout) else blackout)


def is_fine(rotate: Rotate, moment: datetime, zone: ZoneInfo) -> bool:
    """What a person with a calendar and a clock on the wall would say."""
    there = moment.astimezone(zone)
    clock = there.time()
    if is_black(rotate.blackout, there.date()):
        return False
    if rotate.window is None:
        return True
    start, end = rotate.window.start, rotate.window.end
    return start <= clock < end if start < end else clock >= start or clock < end


@settings(deadline=None)
@given(schedules(), MOMENTS, st.timedeltas(timedelta(0), 800 * DAY))
def test_the_next_start_is_in_a_window_and_on_a_free_day(rotate: Rotate, created: datetime, age: timedelta) -> None:
    """By the clock there, whatever the zone does; and never before it is due, nor in the past."""
    zone = ZoneInfo(rotate.window.zone if rotate.window else BUCHAREST)
    found = standing(entry(rotate), created, created + age, ZoneInfo(BUCHAREST))
    assert found is not None
    assert is_fine(rotate, found.next_start, zone)
    assert created < found.due_at <= created + rotate.every
    assert found.next_start >= max(found.due_at, created + age) or found.next_start >= created + age
    assert found.overdue_at >= found.due_at + DAY
    assert found.may_begin == (found.next_start == created + age)


@settings(deadline=None)
@given(schedules(), MOMENTS, st.timedeltas(timedelta(0), 800 * DAY), st.timedeltas(timedelta(0), 30 * DAY))
def test_the_next_start_never_goes_back(rotate: Rotate, created: datetime, age: timedelta, more: timedelta) -> None:
    """As time goes by; and it is not passed over: until it has come, it stays what it was said to be."""
    first = standing(entry(rotate), created, created + age, UTC)
    second = standing(entry(rotate), created, created + age + more, UTC)
    assert first is not None
    assert second is not None
    assert (second.due_at, second.overdue_at) == (first.due_at, first.overdue_at)
    assert second.next_start >= first.next_start
    if created + age + more <= first.next_start:
        assert second.next_start == first.next_start


@settings(deadline=None)
@given(schedules(), MOMENTS)
def test_openings_come_in_order_and_do_not_overlap(rotate: Rotate, since: datetime) -> None:
    """Each ends before the next begins."""
    found = list(islice(openings(rotate, ZoneInfo(LORD_HOWE), since, 0.5), 20))
    assert all(one.begin < one.close for one in found)
    assert all(one.close <= other.begin for one, other in pairwise(found))


@settings(deadline=None)
@given(schedules(windows=WINDOWS), MOMENTS, st.floats(0, 1, exclude_max=True))
def test_every_moment_of_an_opening_is_fine(rotate: Rotate, since: datetime, part: float) -> None:
    """Not only its begin."""
    assert rotate.window is not None
    zone = ZoneInfo(rotate.window.zone)
    for found in islice(openings(rotate, zone, since, part), 3):
        length = found.close - found.begin
        assert all(is_fine(rotate, found.begin + length * step / 8, zone) for step in range(8))
