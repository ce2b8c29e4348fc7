"""``harden secrets rotate``."""

import contextlib
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Never

from dateutil import tz

from harden.errors import HardenError, UsageError
from harden.output import Output, OutputClosedError, OutputFailedError, json_text
from harden.progress import progress
from harden_secrets.cluster.lease import LockedError
from harden_secrets.cluster.port import Cluster
from harden_secrets.commands.chosen import chosen
from harden_secrets.commands.rotators import rotator_for
from harden_secrets.commands.telling import Teller
from harden_secrets.commands.workplace import Workplace
from harden_secrets.inventory.model import SecretEntry, SecretKind
from harden_secrets.rotate.delivery.entrydeliverer import EntryDeliverer
from harden_secrets.rotate.event import Event, Happened
from harden_secrets.rotate.foresight import foreseen
from harden_secrets.rotate.lock import secret_lock
from harden_secrets.rotate.machine import NOWHERE
from harden_secrets.rotate.rotator import Report
from harden_secrets.rotate.run import Result, Run
from harden_secrets.rotate.schedule.standing import Standing, order, standing
from harden_secrets.rotate.skew import refuse_wrong_clock
from harden_secrets.rotate.status import current
from harden_secrets.rotate.steps import Steps
from harden_secrets.rotate.store import Store
from harden_secrets.rotate.surroundings import Surroundings
from harden_secrets.rotate.values import Rotation
from harden_secrets.vault.port import Vault, VaultSealedError, VaultUnavailableError

_TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    names: tuple[str, ...]
    due: bool = False
    abandon: bool = False
    force: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        if not self.names and not self.due:
            raise UsageError("which secrets?", "name them, or ask for those that are due: harden secrets rotate --due")
        if self.abandon and (self.due or self.force or not self.names):
            raise UsageError("--abandon goes with names and nothing else", "harden secrets rotate --abandon NAME")


def rotate(asked: Asked, place: Workplace, output: Output) -> int:
    """Rotates what was asked for, one secret after the other. 1: with one of them something went wrong."""
    vault = place.vault(output)
    bench = _Bench(asked, place, vault, output)
    entries = chosen(asked.names, place)
    if asked.due:
        entries = bench.due(entries)
    with _orderly_end():
        outcomes = [bench.one(entry) for entry in entries]
    if bench.unheard is not None:
        raise bench.unheard
    if not entries and not output.as_json:
        output.line("nothing is due")
    return 0 if all(outcomes) else 1


class _Bench:
    """What all secrets of a run are rotated with."""

    def __init__(self, asked: Asked, place: Workplace, vault: Vault, output: Output) -> None:
        self._asked, self._place, self._vault, self._output = asked, place, vault, output
        self._store = Store(vault)
        self._opened: list[Cluster] = []
        self.unheard: OutputClosedError | None = None  # nobody reads what is said

    def due(self, entries: Sequence[SecretEntry]) -> list[SecretEntry]:
        """Those with an open rotation, and those whose time has come; what is open first, then the most overdue.

        One of which that cannot be known is among the first: its trouble is told there, and keeps no other waiting.
        """
        first: list[SecretEntry] = []
        standings: list[Standing] = []
        for entry in entries:
            try:
                last = self._last(entry)
                if last is not None and last.is_open:
                    first.append(entry)
                elif found := self._standing(entry, last):
                    standings.append(found)
            except (VaultSealedError, VaultUnavailableError):
                raise  # the same for all of them
            except HardenError:
                first.append(entry)
        by_name = {entry.name: entry for entry in entries}
        return [*first, *(by_name[one.name] for one in order(standings) if one.may_begin)]

    def _last(self, entry: SecretEntry) -> Rotation | None:
        if entry.kind is SecretKind.OPAQUE:
            return None  # nobody could have begun one, and the policy does not let us look
        loaded = self._store.load(entry.path)
        return loaded.rotation if loaded is not None else None

    def _standing(self, entry: SecretEntry, last: Rotation | None) -> Standing | None:
        _, created = current(self._vault.metadata(entry.path) if entry.rotate is not None else None, last)
        return standing(entry, created, _now(), tz.tzlocal()) if created is not None else None

    def _still(self, entry: SecretEntry) -> bool:
        """Whether it is still its time: those before it may have taken long, and another host may have done it."""
        if not self._asked.due:
            return True
        last = self._last(entry)
        if last is not None and last.is_open:
            return True
        found = self._standing(entry, last)
        return found is not None and found.may_begin

    def one(self, entry: SecretEntry) -> bool:
        """Whether all went well with it; what did not is said."""
        try:
            return self._foresee(entry) if self._asked.dry_run else self._worked(entry)
        except LockedError as error:
            if not self._asked.due:
                self._fail(entry, error)
                return False
            self._output.note(f"{entry.name}: {'; '.join(error.messages)}")
            return True
        except OutputClosedError as error:
            self.unheard = error
            return True
        except (KeyboardInterrupt, SystemExit):
            self._output.note(f"{entry.name}: cut off; what was begun, the next run goes on with")
            raise
        except HardenError as error:
            self._fail(entry, error)
            return False

    def _fail(self, entry: SecretEntry, error: HardenError) -> None:
        name = f"{entry.name}: "
        messages = [words if words.startswith(name) else name + words for words in error.messages]
        self._output.error(HardenError(messages, error.hints))
        if self._output.as_json:
            event = Event(entry.name, Happened.FAILED, _now(), "; ".join(error.messages), hints=tuple(error.hints))
            with contextlib.suppress(OutputClosedError, OutputFailedError):  # it was said, and the exit status says it
                self._output.raw(json_text(event.document()) + "\n")

    def _worked(self, entry: SecretEntry) -> bool:
        with contextlib.ExitStack() as within:
            with progress(self._output, f"{entry.name}: asking whether somebody works on it"):
                held = within.enter_context(secret_lock(self._vault, entry.path, f"rotate {entry.name}"))
                if not self._asked.abandon:  # to be rid of it no clock is needed
                    refuse_wrong_clock(self._vault, entry.path, _now())
            teller = within.enter_context(Teller(self._output))
            if not self._still(entry):
                return True
            around = Surroundings(_now, lambda: secrets.token_hex(6), teller.tell, self._place.audit().append)
            return self._all_well(entry, Run(entry, self._steps(entry), self._store, held, around))

    def _all_well(self, entry: SecretEntry, run: Run) -> bool:
        if self._asked.abandon:
            result = run.abandon()
            if result is None:
                return self._nothing_open(entry)
        else:
            result = run.forward(impatient=self._asked.force)
        self._show(entry, result)
        return not result.failed

    def _nothing_open(self, entry: SecretEntry) -> bool:
        words = "no rotation is open: nothing to do"
        self._answer(f"{entry.name}: {words}", {"secret": entry.name, "event": "none"})
        return True

    def _show(self, entry: SecretEntry, result: Result) -> None:
        _print_report(entry, result.report, self._output)
        if result.failed and not self._output.as_json:
            self._output.note(f"{entry.name}: not finished; no later step was taken. The next run goes on from there")

    def _foresee(self, entry: SecretEntry) -> bool:
        loaded = self._store.load(entry.path)
        steps = self._steps(entry)
        rotation = loaded.rotation if loaded is not None and loaded.rotation.is_open else None
        if rotation is None and self._asked.abandon:
            return self._nothing_open(entry)
        site = steps.site
        if loaded is not None and loaded.is_closing:
            site = NOWHERE
        elif loaded is not None and rotation is not None and loaded.pair is not None:
            steps.check_kind(rotation)
            if self._asked.abandon:
                rotation = steps.taken_back(rotation, loaded.pair, _now())
            elif not rotation.abandoning:
                rotation = steps.foreseen(rotation, loaded.pair)
        else:
            _print_report(entry, steps.check(steps.newest()), self._output)
        for line, document in foreseen(entry, rotation, site, _now(), impatient=self._asked.force):
            self._answer(f"{entry.name}: {line}", {"secret": entry.name, "event": "would", **document, "words": line})
        return True

    def _steps(self, entry: SecretEntry) -> Steps:
        rotator = rotator_for(entry, self._place.inventory, self._vault, self._place.known_fingerprints())
        deliverer = EntryDeliverer(
            entry, self._vault.mount, self._cluster, self._output.detail, old_is_good=lambda: rotator.keeps_old
        )
        return Steps(entry, rotator, deliverer, self._vault)

    def _cluster(self) -> Cluster:
        if not self._opened:
            self._opened.append(self._place.cluster(self._output))
        return self._opened[0]

    def _answer(self, line: str, document: dict[str, object]) -> None:
        self._output.raw(json_text(document) + "\n") if self._output.as_json else self._output.line(line)


def _print_report(entry: SecretEntry, report: Report, output: Output) -> None:
    if output.as_json:
        if report.lines or report.document:
            output.raw(json_text({"secret": entry.name, "event": "report", **report.document}) + "\n")
        return
    for line in report.lines:
        output.line(line)


def _now() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def _orderly_end() -> Iterator[None]:
    """SIGTERM ends the run as an exception does, so that locks are given back; what was begun is gone on with later."""

    def end(_signal: int, _frame: object) -> Never:
        raise SystemExit(_TERMINATED)

    before: Callable[..., object] | int | None = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
