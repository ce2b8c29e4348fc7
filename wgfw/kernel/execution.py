"""Carrying out a plan, under the lock: both families or neither, and remembered either way."""

from collections.abc import Iterable, Mapping

from harden.errors import HardenError
from wgfw.kernel.difference import Difference, WantedText, compare, restore_text
from wgfw.kernel.interface import Kernel
from wgfw.kernel.plan import Outcome, Plan
from wgfw.kernel.reading import KernelFamily
from wgfw.kernel.record import Record
from wgfw.kernel.remembered import expected_text, seen_text, written_text
from wgfw.kernel.state import StateDirectory
from wgfw.ruleset import TABLES


class Execution:
    """One plan on its way into one kernel."""

    def __init__(self, kernel: Kernel, state: StateDirectory, plan: Plan) -> None:
        self.kernel = kernel
        self.state = state
        self.plan = plan
        self.notes: list[str] = []
        self.version = next((seen.version for seen in plan.seen.values() if seen.version), None)
        self.created = self._created()
        digest_before = None if plan.current is None else plan.current.digest
        # a rollback that was itself kept as "the rules before" would bring back what was just got rid of
        self.keeps_current = plan.kind in ("apply", "remove") and digest_before not in (None, plan.digest)

    def run(self) -> Outcome:
        """Do it. Raises HardenError with the kernel as it was before."""
        if self.plan.kind == "return":
            return self._return()
        if self.plan.in_sync:
            self._remember_in_sync()
            return Outcome(changed=False)
        self._remember_before()
        self._write()
        self._remember_after()
        return Outcome(changed=True, notes=tuple(self.notes))

    def _return(self) -> Outcome:
        """Nothing is noted: a disk that is full must not keep anybody locked out."""
        if not self.plan.in_sync:
            self._write()
            self._read_back()
            if self.plan.empties:
                self._drop_created()
        self.state.abandon()
        return Outcome(changed=not self.plan.in_sync, notes=tuple(self.notes))

    # --- the kernel

    def _write(self) -> None:
        texts = {f: restore_text(difference) for f, difference in self.plan.differences.items() if difference}
        try:
            self.kernel.write(texts)
        except BaseException as failure:
            self._put_back(texts, failure)
            self.state.abandon()
            raise

    def _put_back(self, families: Iterable[int], failure: BaseException) -> None:
        said = list(failure.messages) if isinstance(failure, HardenError) else [repr(failure)]
        hints = ["when the cause is removed, `harden wg apply` or `harden wg rollback` repairs it"]
        stuck = False
        for family in families:
            try:
                self._put_back_family(family)
            except HardenError as second:  # the other family is put back all the same
                stuck = True
                said += [f"and the IPv{family} rules of before could not be put back:", *second.messages]
                hints += second.hints
        if stuck:
            raise HardenError(said, hints) from failure

    def _put_back_family(self, family: int) -> None:
        before = self.plan.seen[family]
        back = compare(WantedText(before, positions=True), self.kernel.read(family))
        if back:
            self.kernel.write({family: restore_text(back)})
        self.kernel.drop_empty(family, [table for table in TABLES if table not in before.tables])

    def _created(self) -> dict[int, tuple[str, ...]]:
        """The tables that are there because of us."""
        record = self.plan.current or self.state.pending()
        known = record.created if record is not None and record.backend == self.kernel.backend else {}
        return {
            family: tuple(t for t in TABLES if t in known.get(family, ()) or t not in seen.tables)
            for family, seen in self.plan.seen.items()
        }

    # --- what is remembered

    def _remember_in_sync(self) -> None:
        plan, current = self.plan, self.plan.current
        known = ("", "") if current is None else (current.policy, current.digest)
        if known == (plan.policy, plan.digest):
            if self.state.pending() is not None:  # of an apply that was cut off before it changed anything
                self.state.abandon()
            return
        record = self._record({family: seen_text(seen) for family, seen in plan.seen.items()})
        if current is None and self.state.previous() is None:
            self.state.begin_first(record)
        self.state.settle(record, keep=self.keeps_current)

    def _remember_before(self) -> None:
        plan = self.plan
        if plan.current is None and self.state.previous() is None:
            before = {family: seen_text(seen) for family, seen in plan.seen.items()}
            self.state.begin_first(Record("", "", self.kernel.backend, self.version, before))
        texts = {f: expected_text(plan.wanted[f], plan.seen[f], plan.differences[f]) for f in plan.seen}
        self.state.begin(Record(plan.policy, plan.digest, self.kernel.backend, None, texts, self.created))

    def _remember_after(self) -> None:
        texts = self._read_back()
        if self.plan.empties:
            self._drop_created()
        try:
            self.state.settle(self._record(texts), keep=self.keeps_current)
        except HardenError as error:
            # the new rules are in force: what was noted of them before is the next best, and asks for no space
            self.notes += error.messages
            self.state.settle_pending(keep=self.keeps_current)

    def _drop_created(self) -> None:
        left: dict[str, None] = {}
        for family, tables in self.created.items():
            left.update(dict.fromkeys(self.kernel.drop_empty(family, tables)))
        if left:
            self.notes.append(f"the kernel keeps the table {', '.join(left)}, without any rule of ours")
        self.created = {}

    def _read_back(self) -> dict[int, str]:
        texts: dict[int, str] = {}
        many = [f for f, difference in self.plan.differences.items() if not self._few(difference)]
        if many:
            self.kernel.begin_reading()  # all families at once
        for family, difference in self.plan.differences.items():
            seen, wanted = self.plan.seen[family], self.plan.wanted[family]
            reread = self.kernel.read(family) if many else self.kernel.read_chains(family, difference.places)
            self.version = self.version or reread.version
            self._check(family, reread)
            texts[family] = written_text(wanted, seen, difference, reread)
        return texts

    def _few(self, difference: Difference) -> bool:
        return self.version is not None and len(difference.places) <= self.kernel.single_reads

    def _check(self, family: int, reread: KernelFamily) -> None:
        wanted, difference = self.plan.wanted[family], self.plan.differences[family]
        wrong = [c.place for c in difference.chains if not wanted.agrees(c.place, reread.chain(c.place) or (), None)]
        if wrong:
            names = ", ".join(" ".join(place) for place in wrong[:5])
            raise HardenError(
                f"the kernel does not hold what was just written to it (IPv{family} {names})",
                "another program seems to change our chains at the same time: stop it, and run `harden wg apply` again",
            )

    def _record(self, texts: Mapping[int, str]) -> Record:
        plan = self.plan
        return Record(plan.policy, plan.digest, self.kernel.backend, self.version, texts, self.created)
