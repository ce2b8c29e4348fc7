"""How each secret fares, in words, as JSON and as metrics; and that the command tells what Vault and the record say."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from bao.devserver import DevServer
from prometheus_client.parser import text_string_to_metric_families

from harden.cli import app, run
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Rotate, SecretEntry, SecretKind
from harden_secrets.rotate import machine
from harden_secrets.rotate.lock import secret_lock
from harden_secrets.rotate.metrics import CHECKED, METRICS, PHASE, prometheus
from harden_secrets.rotate.paths import record_path
from harden_secrets.rotate.status import Condition, Found, SecretStatus, status_of
from harden_secrets.rotate.statusdocument import document
from harden_secrets.rotate.statuswords import age_text, words
from harden_secrets.rotate.store import Store
from harden_secrets.rotate.values import Phase, Proof, Rotation, Unit
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.policy import grants, render
from harden_secrets.vault.port import Metadata, VersionState

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SITE = machine.Site(["openclaw@devvm"], ["secret openclaw/ssh"])
TARGET = "openclaw@devvm"


def entry(name: str = "openclaw-ssh", every: timedelta | None = 30 * DAY) -> SecretEntry:
    rotate = Rotate(every, overlap=DAY) if every is not None else None
    return SecretEntry(name, SecretKind.SSH_KEY, f"apps/{name}", rotate=rotate)


def stored(age: timedelta, version: int = 3) -> Metadata:
    return Metadata(version, 0, False, versions=(VersionState(version, NOW - age),))


def fares(found: Found, of: SecretEntry | None = None, now: datetime = NOW) -> SecretStatus:
    return status_of(of or entry(), found, now, UTC)


def rotation(through: Phase, began: datetime = NOW - 2 * HOUR) -> Rotation:
    """A rotation with every phase up to this one done, a minute each."""
    now, made = began, Rotation("0123456789ab", SecretKind.SSH_KEY, began, 3, DAY)
    for phase in machine.FORWARD:
        for unit in machine.units_of(phase, SITE):
            now += timedelta(minutes=1)
            made = (
                machine.switched(made, 4, SITE, now)
                if phase is Phase.SWITCH
                else machine.succeeded(made, unit, f"shown by {unit}", SITE, now)
            )
        if phase is through:
            return made
    raise AssertionError(through)


def failed(of: Rotation, unit: Unit, *said: str, at: datetime = NOW - HOUR) -> Rotation:
    return machine.failed(of, unit, said, ("start it",), at)


def test_what_is_not_in_vault_is_said_to_be_so() -> None:
    """An entry that nothing was stored for yet, or whose version was deleted; with a schedule, also what to do."""
    deleted = Metadata(2, 0, False, versions=(VersionState(1, NOW), VersionState(2, NOW, deleted=True)))
    for metadata in (None, deleted, Metadata(0, 0, False)):
        found = fares(Found(metadata, None))
        assert (found.condition, found.version, found.age, found.next_run) == (Condition.NOT_STORED, 0, None, None)
        assert found.is_in_order
        assert words(found, UTC).startswith("nothing is stored at apps/openclaw-ssh, so nothing is rotated: ")
        unscheduled = fares(Found(metadata, None), entry(every=None))
        assert words(unscheduled, UTC) == ""


@pytest.mark.parametrize(
    ("age", "condition", "in_order"),
    [
        (DAY, Condition.FINE, True),
        (30 * DAY, Condition.DUE, True),
        (31 * DAY, Condition.OVERDUE, False),
    ],
)
def test_age_decides_what_is_due(age: timedelta, condition: Condition, in_order: bool) -> None:
    """A day after it might have begun it is overdue, and somebody has to look."""
    found = fares(Found(stored(age), None))
    assert (found.condition, found.is_in_order, found.age) == (condition, in_order, age)


def test_an_overdue_secret_asks_whether_anything_runs() -> None:
    """That is the usual reason."""
    said = words(fares(Found(stored(40 * DAY), None)), UTC)
    assert said == "was due 2026-11-14 12:00: does `harden secrets rotate --due` run?"


def test_a_secret_without_a_schedule_is_never_overdue() -> None:
    """Its age is shown all the same."""
    found = fares(Found(stored(4000 * DAY), None), entry(every=None))
    assert (found.condition, found.is_in_order, found.next_run) == (Condition.NOT_SCHEDULED, True, None)


def test_a_version_from_the_future_has_no_negative_age() -> None:
    """The clock of Vault is another one."""
    assert fares(Found(stored(-HOUR), None)).age == timedelta()


@pytest.mark.parametrize(
    ("through", "expected"),
    [
        (Phase.GENERATE, "the new key is stored as pending"),
        (Phase.INSTALL, "the new key is being installed"),
        (Phase.PROVE, "the new key was tried; next it takes over"),
        (Phase.SWITCH, "the new key is in use; next its consumers get it"),
        (Phase.DELIVER, "the new key is being delivered"),
        (Phase.CONFIRM, "overlap until Wed 10:07; then the old key is retired"),
        (Phase.LIMIT, "overlap until Wed 10:07; then the old key is retired"),
        (Phase.OVERLAP, "the overlap is over; next the old key is retired"),
        (Phase.QUIET, "nobody uses the old key; next it is retired"),
        (Phase.RETIRE, "the old key is taken out; next it is tried, and must be refused"),
        (Phase.REFUSE, "the old key is refused"),
    ],
)
def test_an_open_rotation_is_told_in_words(through: Phase, expected: str) -> None:
    """Which key is in use, and what comes next."""
    found = fares(Found(stored(HOUR, 4), rotation(through)))
    assert (found.condition, found.is_in_order) == (Condition.ROTATING, True)
    assert words(found, UTC).startswith(expected)


def test_every_phase_has_words() -> None:
    """None is shown by its bare name."""
    for phase in machine.FORWARD[:-1]:
        assert words(fares(Found(stored(HOUR), rotation(phase))), UTC) != str(phase)


def test_the_overlap_is_waited_for() -> None:
    """The next run is at its end."""
    made = rotation(Phase.LIMIT)
    assert fares(Found(stored(HOUR), made)).next_run == made.overlap_until
    late = fares(Found(stored(HOUR), made), now=NOW + DAY)
    assert late.next_run is not None
    assert late.next_run < NOW + DAY


def test_what_failed_is_stuck_and_says_where_since_when_and_what_to_do() -> None:
    """Also after a second try: since the first one."""
    unit = Unit(Phase.INSTALL, TARGET)
    made = failed(rotation(Phase.GENERATE), unit, "cannot be reached")
    made = failed(made, unit, "cannot be reached", at=NOW - timedelta(minutes=5))
    found = fares(Found(stored(29 * DAY), made))
    assert (found.condition, found.is_in_order) == (Condition.STUCK, False)
    assert (
        words(found, UTC)
        == "stuck since Tue 11:00 at install at openclaw@devvm, tried 2 times: cannot be reached; start it"
    )


def test_all_that_failed_is_said() -> None:
    """In the order in which it happened, the latest first; what only waits is not among it."""
    made = failed(rotation(Phase.GENERATE), Unit(Phase.INSTALL, "a"), "is down", at=NOW - HOUR)
    made = failed(made, Unit(Phase.INSTALL, "b"), "is full")
    made = machine.delayed(made, Unit(Phase.QUIET, "c"), "still used", "wait", NOW)
    errors = document([fares(Found(stored(29 * DAY), made))], UTC)["secrets"][0]["errors"]
    assert [(one["target"], one["words"]) for one in errors] == [("b", ["is full"]), ("a", ["is down"])]


def test_who_still_uses_the_old_key_delays_and_is_not_stuck() -> None:
    """It goes on by itself, at the deadline at the latest."""
    made = rotation(Phase.OVERLAP, NOW - 26 * HOUR)
    made = machine.delayed(
        made, Unit(Phase.QUIET, TARGET), "still used by 10.0.0.9", "give them the new key", NOW - HOUR
    )
    found = fares(Found(stored(26 * HOUR, 4), made))
    assert (found.condition, found.is_in_order) == (Condition.ROTATING, True)
    assert words(found, UTC) == "still used by 10.0.0.9; the old key goes Wed 10:07 in any case"


def test_a_rotation_that_nobody_goes_on_with_is_stuck() -> None:
    """The timer is dead, or the host is."""
    made = rotation(Phase.PROVE)
    assert not fares(Found(stored(HOUR), made), now=NOW + 20 * HOUR).is_stuck
    found = fares(Found(stored(HOUR), made), now=NOW + 23 * HOUR)
    assert words(found, UTC) == "nobody has gone on with it since Tue 10:03: harden secrets rotate openclaw-ssh"
    waiting = rotation(Phase.LIMIT)
    assert not fares(Found(stored(HOUR), waiting), now=NOW + 45 * HOUR).is_stuck, "the overlap took a day of it"
    assert fares(Found(stored(HOUR), waiting), now=NOW + 47 * HOUR).is_stuck
    assert not fares(Found(stored(HOUR), waiting, "process 1 on devvm"), now=NOW + 47 * HOUR).is_stuck


def test_an_overlap_that_is_over_is_not_waited_for() -> None:
    """The next run goes on."""
    found = fares(Found(stored(HOUR, 4), rotation(Phase.CONFIRM, NOW - 25 * HOUR)))
    assert words(found, UTC) == "the overlap is over; next the old key is retired"


def test_an_abandoned_rotation_is_told() -> None:
    """While it is taken back, and afterwards."""
    made = machine.abandoned(rotation(Phase.PROVE))
    assert words(fares(Found(stored(HOUR), made)), UTC).startswith("abandoned: the new key is being taken out again")
    for unit in (Unit(Phase.WITHDRAW, TARGET), Unit(Phase.CLOSE)):
        made = machine.succeeded(made, unit, "gone", SITE, NOW - HOUR)
    found = fares(Found(stored(HOUR), made))
    assert words(found, UTC) == "the last rotation was abandoned Tue 11:00; the old key is in use"
    assert (found.condition, found.last_success) == (Condition.FINE, None)
    by_hand = fares(Found(stored(HOUR, version=4), made))
    assert words(by_hand, UTC).endswith("; version 4, which somebody else stored, is in use")


def test_what_could_not_begin_is_told() -> None:
    """With the reason, until it has begun or somebody has stored another key; it is no more than due at first."""
    ended = rotation(Phase.CLOSE, NOW - 31 * DAY)
    refused = failed(failed(ended, Unit(Phase.GENERATE), "devvm is down"), Unit(Phase.GENERATE), "devvm is down")
    found = fares(Found(stored(31 * DAY - HOUR, 4), refused))
    assert (found.condition, found.is_in_order, found.last_success) == (Condition.DUE, True, ended.ended)
    assert words(found, UTC) == "could not begin since Tue 11:00, tried 2 times: devvm is down; start it"
    assert document([found], UTC)["secrets"][0]["last_error"]["words"] == ["devvm is down"]
    assert words(fares(Found(stored(HOUR / 2, 5), refused)), UTC) == ""


def test_a_finished_rotation_leaves_its_last_proof() -> None:
    """The last that was shown is that the old key was refused."""
    made = rotation(Phase.CLOSE)
    found = fares(Found(stored(HOUR), made))
    assert (found.condition, found.last_success) == (Condition.FINE, made.ended)
    assert found.last_proof == (Unit(Phase.CLOSE), Proof("shown by close", made.ended or NOW))
    assert words(found, UTC) == ""


def test_ages_are_short() -> None:
    """One unit is enough."""
    ages = [timedelta(), timedelta(minutes=119), 2 * HOUR, 47 * HOUR, 2 * DAY, 400 * DAY]
    assert [age_text(age) for age in ages] == ["0m", "119m", "2h", "47h", "2d", "400d"]


def several() -> list[SecretStatus]:
    unit = Unit(Phase.INSTALL, TARGET)
    return [
        fares(Found(None, None), entry("new")),
        fares(Found(stored(40 * DAY), None), entry("old")),
        fares(Found(stored(HOUR), rotation(Phase.CLOSE)), entry("done")),
        fares(Found(stored(HOUR), failed(rotation(Phase.GENERATE), unit, 'the "value"')), entry("stuck")),
        fares(Found(stored(HOUR), rotation(Phase.LIMIT)), replace(entry("odd"), path='a\\b"c\nd')),
    ]


def test_the_document_is_json_and_says_whether_all_is_in_order() -> None:
    """Every key is there for every secret."""
    made: dict[str, Any] = json.loads(json.dumps(document(several(), UTC)))
    assert made["in_order"] is False
    assert {one["name"]: one["state"] for one in made["secrets"]} == {
        "new": "nothing stored",
        "old": "overdue",
        "done": "fine",
        "stuck": "stuck",
        "odd": "rotating",
    }
    assert len({tuple(one) for one in made["secrets"]}) == 1
    stuck = made["secrets"][3]
    assert stuck["last_error"]["words"] == ['the "value"']
    assert stuck["rotation"]["phase"] == "generate"
    assert document([several()[2]], UTC)["in_order"] is True


def samples(text: str) -> dict[str, dict[str, float]]:
    """By metric and secret, as a parser of somebody else reads them."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        assert (family.type, bool(family.documentation)) == ("gauge", True), family.name
        for sample in family.samples:
            key = sample.labels.get("secret", "")
            assert key not in found.setdefault(sample.name, {}), "a sample twice"
            found[sample.name][key] = sample.value
    return found


def test_the_metrics_are_read_by_a_parser_of_prometheus() -> None:
    """Names, types, labels with what the format reserves."""
    text = prometheus(several(), NOW)
    found = samples(text)
    assert set(found) == {CHECKED, PHASE, *(metric.name for metric in METRICS)}
    assert found["harden_secret_overdue"] == {"new": 0, "old": 1, "done": 0, "stuck": 0, "odd": 0}
    assert found["harden_secret_stuck"]["stuck"] == 1
    assert found["harden_secret_version"]["new"] == 0
    assert "new" not in found["harden_secret_created_timestamp_seconds"]
    assert found["harden_secret_due_timestamp_seconds"]["old"] == (NOW - 10 * DAY).timestamp()
    assert found["harden_secret_rotation_failures"]["stuck"] == 1
    assert found[CHECKED][""] == NOW.timestamp()
    phases = [
        sample for family in text_string_to_metric_families(text) if family.name == PHASE for sample in family.samples
    ]
    assert {sample.labels["secret"]: sample.labels["phase"] for sample in phases} == {
        "stuck": "generate",
        "odd": "limit",
    }
    assert [sample.labels["path"] for sample in phases if sample.labels["secret"] == "odd"] == ['a\\b"c\\nd']
    assert "value" not in text, "what a failure said is not for a monitoring system"


GUIDE = Path(__file__).parents[2] / "docs" / "rotate-on-a-schedule.md"


@pytest.mark.checkout
def test_the_alert_rules_of_the_guide_ask_for_metrics_that_exist() -> None:
    """They are YAML, and every name in them is one that status prints."""
    blocks = [part.split("```")[0] for part in GUIDE.read_text().split("```yaml\n")[1:]]
    (rules,) = [block for block in blocks if "alert:" in block]
    found = [rule for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in found} >= {"SecretOverdue", "SecretRotationStuck", "SecretStatusStale"}
    known = {CHECKED, PHASE, *(metric.name for metric in METRICS)}
    for rule in found:
        named = {word.strip("()") for word in rule["expr"].replace("(", " ").split() if word.startswith("harden_")}
        assert named, rule
        assert named <= known
        assert {"expr", "labels", "annotations"} <= set(rule)


@pytest.fixture
def estate(bao: DevServer, vault: KeyValue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of three secrets of which one is stored, in a real Vault."""
    monkeypatch.setenv("VAULT_TOKEN", bao.root_token)
    monkeypatch.setenv("TZ", "UTC")
    rotate = "command: [/bin/false]\n    rotate: {every: 30d}"
    entries = "".join(f"  {name}:\n    kind: command\n    path: apps/{name}\n    {rotate}\n" for name in ("one", "two"))
    inventory = tmp_path / "secrets.yaml"
    section = f"vault: {{address: '{bao.address}', mount: {vault.mount}, ca_file: {bao.ca}}}"
    inventory.write_text(f"version: 1\n{section}\nsecrets:\n{entries}  plain: {{kind: opaque, path: apps/plain}}\n")
    vault.write("apps/one", {"key": Confidential(b"value")}, cas=0)
    vault.write("apps/plain", {"key": Confidential(b"value")}, cas=0)
    return inventory


def asked(inventory: Path, *arguments: str) -> int:
    words = ["secrets", "status", "--inventory", str(inventory), "--state", str(inventory.parent / "s"), *arguments]
    return run(lambda: typer.main.get_command(app).main(args=words, standalone_mode=False))


def test_the_command_shows_a_table(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that is stored is shown, and nothing stored is no failure."""
    assert asked(estate) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["SECRET", "VERSION", "AGE", "STATE", "DUE", "NEXT", "RUN"]
    assert lines[1].split()[:4] == ["one", "1", "0m", "fine"]
    assert lines[2].split() == ["two", "-", "-", "nothing", "stored", "-", "-"]
    assert lines[3].split() == ["plain", "1", "0m", "not", "scheduled", "-", "-"]


def test_the_command_tells_of_an_open_rotation_and_who_works_on_it(
    estate: Path, vault: KeyValue, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its record and its lock lie in Vault, so every host can tell."""
    fields = {"key": Confidential(b"value")}
    began = datetime.now(UTC) - HOUR
    unit = Unit(Phase.INSTALL, TARGET)
    made = Rotation("0123456789ab", SecretKind.COMMAND, began, 1, DAY).with_proof(
        Unit(Phase.GENERATE), Proof("made", began)
    )
    store = Store(vault)
    loaded = store.begin("apps/one", made, fields, {"key": Confidential(b"another")}, store.version("apps/one"))
    with secret_lock(vault, "apps/one", "rotate one"):
        assert asked(estate, "one") == 0
        assert "works on it" in capsys.readouterr().out
    store.save("apps/one", loaded, machine.failed(made, unit, ["no way"], ["make one"], began))
    assert asked(estate, "one") == 3
    out = capsys.readouterr().out
    assert "at install at openclaw@devvm: no way; make one" in out
    assert "works on it" not in out
    assert "last proof" in out
    assert asked(estate, "--json") == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["in_order"], answer["secrets"][0]["state"], len(answer["secrets"])) == (False, "stuck", 3)
    assert asked(estate, "--format", "prometheus") == 3
    assert samples(capsys.readouterr().out)["harden_secret_stuck"] == {"one": 1, "two": 0, "plain": 0}


def test_the_policy_for_the_inventory_is_enough(
    estate: Path, bao: DevServer, vault: KeyValue, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `harden vault policy` prints lets one look at all of it."""
    inventory = read_inventory(estate.read_bytes(), str(estate))
    bao.root().sys.create_or_update_policy(vault.mount, render(grants(inventory, ()), vault.mount))
    monkeypatch.setenv("VAULT_TOKEN", bao.token(vault.mount))
    assert asked(estate) == 0
    assert "plain " in capsys.readouterr().out


def test_a_damaged_record_is_that_secrets_trouble_only(
    estate: Path, vault: KeyValue, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are told of all the same."""
    vault.write(record_path("apps/one"), {"state": Confidential(b"{")}, cas=0)
    assert asked(estate) == 3
    out = capsys.readouterr().out
    assert f"one: {vault.mount}/harden/rotations/apps/one: is damaged" in out
    assert "two " in out


def test_two_forms_are_wrong_usage(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One answer at a time."""
    assert asked(estate, "--json", "--format", "prometheus") == 2
    assert "two answers" in capsys.readouterr().err


def test_an_unknown_name_and_an_unreachable_vault_are_errors(
    estate: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not an answer, and no traceback."""
    assert asked(estate, "three") == 1
    assert 'has no secret "three"' in capsys.readouterr().err
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    assert asked(estate, "one") == 1
    assert "harden: error: " in capsys.readouterr().err
