"""Bringing a kernel in line with a rule set: plan what differs, write that and nothing else, remember it.

The order, and what a sudden end leaves at each point:

1. the lock of this namespace is taken, and the plan made anew if anybody was here since;
2. `pending` is written to disk (ended here: the old rules, and the next apply starts over);
3. IPv4, then IPv6, each by one iptables-restore in a process that signals do not reach. If the second is refused,
   the first is put back as it was (ended here: the next apply repairs, and a rollback goes to `current`, the
   last rules that were complete);
4. the kernel's own text of what was written is read back and becomes `current`; what that was, `previous`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from harden.errors import HardenError
from wgfw.kernel.attempt import Attempt, Window
from wgfw.kernel.detached import directly, nothing
from wgfw.kernel.difference import Difference, Wanted, WantedRules, WantedText, compare
from wgfw.kernel.execution import Execution
from wgfw.kernel.interface import Kernel
from wgfw.kernel.plan import Kind, Outcome, Plan
from wgfw.kernel.reading import KernelFamily, Place, parse_save
from wgfw.kernel.record import Record, Token
from wgfw.kernel.state import StateDirectory
from wgfw.ruleset import FamilyRules, RuleSet

LOCK_SECONDS = 60
Run = Callable[[Callable[[], Outcome], Callable[[], None]], Outcome]
Look = tuple[Token, Record | None, Mapping[int, KernelFamily]]


class Reconciler:
    """One kernel and what is remembered of it.

    ``run`` carries out the work that must not stop half-way: the command line passes
    :func:`wgfw.kernel.detached.uninterrupted`. ``notes`` are things to tell that were found on the way here.
    """

    def __init__(
        self,
        kernel: Kernel,
        state: StateDirectory,
        *,
        run: Run = directly,
        lock_seconds: float = LOCK_SECONDS,
        notes: Sequence[str] = (),
    ) -> None:
        self.kernel = kernel
        self.state = state
        self.notes = tuple(notes)
        self._run = run
        self._lock_seconds = lock_seconds
        self._token: Token | None = None

    def begin(self, token: Token | None = None) -> None:
        """Start reading the kernel in the background, for the next plan: while there is other work to do.

        ``token`` is that of the state before reading began, if it began already.
        """
        self._token = self.state.token() if token is None else token
        self.kernel.begin_reading()

    def plan(self, rules: RuleSet, policy: str | Callable[[], str] = "", kind: Kind = "apply") -> Plan:
        """What ``apply`` has to change so that ``rules`` are in force; ``policy`` is any text to keep with them, or
        what makes it."""
        look = self._look()
        wanted: dict[int, Wanted] = {family: WantedRules(rules.family(family)) for family in look[2]}
        return self._plan(kind, wanted, look, rules=rules, policy=policy, digest=rules.digest)

    def plan_rollback(self) -> Plan:
        """What goes back to the rules before; after an apply that was cut off, to the last complete ones.

        Raises HardenError if there are none, or if they are the other backend's.
        """
        look = self._look()
        record = (look[1] if self.state.pending() else None) or self.state.previous()
        if record is None:
            raise HardenError("there are no earlier rules to go back to", "`harden wg apply` writes the policy's rules")
        return self._plan_record("rollback", record, look)

    def plan_record(self, kind: Kind, record: Record) -> Plan:
        """What puts exactly the rules of ``record`` in force. To be made and carried out under the lock.

        Raises HardenError if they are the other backend's.
        """
        return self._plan_record(kind, record, self._look())

    def _plan_record(self, kind: Kind, record: Record, look: Look) -> Plan:
        if not record.empty and record.backend != self.kernel.backend:
            raise HardenError(
                f"the earlier rules were written by the {record.backend} backend, this is {self.kernel.backend}",
                f"run it with --backend {record.backend}",
            )
        wanted: dict[int, Wanted] = {}
        for family, seen in look[2].items():
            text = parse_save(family, record.texts.get(family, ""))
            wanted[family] = WantedText(text, exact=record.version is not None and record.version == seen.version)
        return self._plan(kind, wanted, look, policy=record.policy, digest=record.digest)

    def plan_removal(self) -> Plan:
        """What takes out every rule of ours and nothing else."""
        look = self._look()
        return self._plan("remove", {family: WantedText(KernelFamily(family)) for family in look[2]}, look)

    def apply(self, plan: Plan, meanwhile: Callable[[], None] = nothing, window: Window | None = None) -> Outcome:
        """Carry out a plan of any kind: both families or neither. ``meanwhile`` is done while the kernel works. With a
        ``window`` what is written is on trial.

        Raises HardenError with the kernel as it was before; if not even that could be had back, it says so.
        """
        with self.state.lock(self._lock_seconds):
            if self.state.token() != plan.token:
                plan = self._again(plan)
            self._refuse_while_waiting(plan, window)
            return self.carry_out(plan, meanwhile, window)

    def carry_out(self, plan: Plan, meanwhile: Callable[[], None] = nothing, window: Window | None = None) -> Outcome:
        """The same for who holds the lock of the state already, and has made the plan since."""
        execution = Execution(self.kernel, self.state, plan)
        return self._run(execution.run if window is None else Attempt(execution, window).run, meanwhile)

    def _refuse_while_waiting(self, plan: Plan, window: Window | None) -> None:
        if window is not None or plan.in_sync or plan.kind not in ("apply", "rollback"):
            return
        trial = self.state.trials.open()
        if trial is not None:
            raise HardenError(
                f"the rules that were applied at {trial.applied} wait to be confirmed until {trial.until}",
                "`harden wg confirm` keeps them, `harden wg rollback` gives them up; or try these, too: "
                "`harden wg apply --confirm SECONDS`",
            )

    def _look(self) -> Look:
        if self._token is None:
            self.begin()
        assert self._token is not None
        token, self._token = self._token, None
        record = self.state.current()
        return token, record, {family: self.kernel.read(family) for family in self.kernel.families()}

    def _plan(
        self,
        kind: Kind,
        wanted: Mapping[int, Wanted],
        look: Look,
        *,
        rules: RuleSet | None = None,
        policy: str | Callable[[], str] = "",
        digest: str = "",
    ) -> Plan:
        token, current, seen = look
        differences: dict[int, Difference] = {}
        for family, there in seen.items():
            recorded = self._recorded(current, there)
            altered = self._second_look(rules.family(family), there) if rules and not recorded else frozenset()
            differences[family] = compare(wanted[family], there, recorded, altered)
        notes = self.notes
        if 6 not in seen:
            notes += ("this kernel has no IPv6: no IPv6 packet can pass, and no IPv6 rule is needed",)
        policy_of = lru_cache(1)(policy) if callable(policy) else lambda: policy
        return Plan(kind, rules, policy_of, digest, wanted, seen, differences, current, token, notes)

    def _second_look(self, rules: FamilyRules, seen: KernelFamily) -> frozenset[Place]:
        """What only the rules themselves can tell, where it is not known how the kernel printed them."""
        places = [(chain.table, chain.name) for chain in rules.chains]
        return self.kernel.altered(rules, [place for place in places if seen.chain(place)])

    def _recorded(self, record: Record | None, seen: KernelFamily) -> KernelFamily | None:
        """The kernel's text after our last write, if the same program prints it now."""
        if record is None or record.backend != self.kernel.backend or record.version != seen.version:
            return None
        return parse_save(seen.family, record.texts.get(seen.family, ""))

    def _again(self, plan: Plan) -> Plan:
        if plan.kind == "rollback":
            return self.plan_rollback()
        return self.plan_removal() if plan.rules is None else self.plan(plan.rules, plan.policy_of)
