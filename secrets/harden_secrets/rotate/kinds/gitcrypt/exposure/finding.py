"""Finding what a key has ever encrypted in a repository: all refs, stashes, reflogs, and what is lost."""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from harden.errors import HardenError
from harden.output import Output
from harden.progress import progress
from harden_secrets.rotate.kinds.gitcrypt.branches import UPSTREAM
from harden_secrets.rotate.kinds.gitcrypt.exposure.contents import Contents
from harden_secrets.rotate.kinds.gitcrypt.exposure.values import ExposedFile, Exposure, Seen, Standing
from harden_secrets.rotate.kinds.gitcrypt.exposure.work import OTHER_KEY, Fit, Fitting, Looking, Matching
from harden_secrets.rotate.kinds.gitcrypt.gpgusers import FINGERPRINT, state_folder
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.scan.workers import spread
from harden_secrets.sources.git import REACHING, Listing, ObjectBatch, list_objects
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.sources.gitplaces import EveryAddition, commit_batches, staged_places

_AT_ONCE = 32  # objects that are looked into in one go
_HEADS = ("refs/heads/", "refs/remotes/", UPSTREAM)
_TIPS = ("for-each-ref", "--format=%(objectname) %(refname)", *_HEADS)


def find_exposure(
    repository: Repository,
    key: KeyFile,
    contents: Contents,
    output: Output,
    processes: int | None = None,
    *,
    successor: KeyFile | None = None,
) -> Exposure:
    """Everything that was encrypted under the key, of all its versions. Raises HardenError.

    What a ``successor`` has encrypted anew stands where it stood before.
    With ``processes=1`` all is done in this one, which then may have threads. The answer depends on nothing but the
    repository and what is known; memory does not grow with the size of its files.
    """
    search = _Search(repository, key, contents, output, processes, successor)
    listing, wrapped_for, incomplete = search.listed()
    encrypted = search.encrypted(listing)
    fits = {fit.id: fit for fit in encrypted if fit.key != OTHER_KEY}
    return Exposure(
        repository=repository.path,
        key=f'named key "{key.name}"' if key.name else "default key",
        files=tuple(search.files(fits, listing, {fit.id for fit in encrypted} - fits.keys())) if fits else (),
        others=len(encrypted) - len(fits),
        wrapped_for=wrapped_for,
        incomplete=(*incomplete, *_shallow(repository), *contents.known.unread),
        compared=contents.known.compared,
        fingerprint_key=contents.fingerprinter.key_id,
    )


@dataclass(frozen=True, slots=True)
class _Search:
    repository: Repository
    key: KeyFile
    contents: Contents
    output: Output
    processes: int | None
    successor: KeyFile | None

    def listed(self) -> tuple[Listing, tuple[str, ...], tuple[str, ...]]:
        """The objects, for whom the key was wrapped at some time, and what of the history is not there."""
        with self.repository.running(*REACHING) as finish:
            listing = list_objects(self.repository)
            folder = f"{state_folder(self.repository)}/keys/{self.key.folder}/"
            return listing, *_followed(finish, folder, listing)

    def encrypted(self, listing: Listing) -> list[Fit]:
        """All objects that git-crypt has encrypted."""
        with (
            closing(Fitting(self.repository, self.key.keys)) as work,
            spread(listing.batches, work, self.processes) as answers,
            progress(self.output, f"reading {listing.objects} objects of {self.repository.path}"),
        ):
            return [fit for found in answers for fit in found]

    def files(self, fits: Mapping[str, Fit], listing: Listing, others: set[str]) -> Iterator[ExposedFile]:
        """The objects as files, in the order of history; those that nothing refers to come last.

        ``others`` are objects that other keys have encrypted.
        """
        standings = self._standings(fits, listing)
        tips = _tips(self.repository, fits.keys() | others)
        self._carry_over(fits, tips, others)
        ordered = [*standings, *sorted(fits.keys() - standings.keys())]
        seen = self._seen(fits, ordered, {name: places[0].path for name, places in standings.items()})
        for name in ordered:
            refs = tuple(sorted(tips.get(name, ())))
            yield ExposedFile(name, fits[name].size, tuple(standings.get(name, ())), refs, seen[name])

    def _carry_over(self, fits: Mapping[str, Fit], tips: dict[str, set[str]], others: set[str]) -> None:
        """Contents that the successor has encrypted anew stand at the tips where its objects do."""
        if self.successor is None:
            return
        ids = {(fit.key, fit.nonce): name for name, fit in fits.items()}
        with closing(Matching(self.repository, self.key.keys, self.successor.keys)) as work:
            for batch in _batches(sorted(others & tips.keys())):
                for name, number, nonce in work(batch):
                    if before := ids.get((number, nonce)):
                        tips.setdefault(before, set()).update(tips[name])

    def _seen(self, fits: Mapping[str, Fit], ordered: Sequence[str], paths: Mapping[str, str]) -> dict[str, Seen]:
        """What is in each."""
        batches = _batches(ordered)
        numbers = {name: fit.key for name, fit in fits.items()}
        with (
            closing(Looking(self.repository, self.key.keys, self.contents, numbers, paths)) as work,
            spread(batches, work, self.processes) as answers,
            progress(self.output, f"looking into {len(fits)} encrypted files"),
        ):
            return dict(one for found in answers for one in found)

    def _standings(self, fits: Mapping[str, Fit], listing: Listing) -> dict[str, list[Standing]]:
        """Every commit that brought one of them in, and the path; oldest first. What is only staged comes after."""
        additions = EveryAddition(self.repository, frozenset(fits))
        with (
            spread(commit_batches(self.repository, listing), additions, self.processes) as answers,
            progress(self.output, f"looking up where {len(fits)} encrypted files stood"),
        ):
            ordered = sorted(answers)
        standings: dict[str, list[Standing]] = {}
        for _, found in ordered:
            for name, place in found:
                commit, _, path = place.partition(":")
                standings.setdefault(name, []).append(Standing(commit, path))
        for name, place in sorted(staged_places(self.repository).items()):
            if name in fits and name not in standings:
                standings[name] = [Standing("", place.removeprefix(":"))]
        return standings


def _batches(names: Sequence[str]) -> list[ObjectBatch]:
    return [ObjectBatch(tuple(names[at : at + _AT_ONCE])) for at in range(0, len(names), _AT_ONCE)]


def _tips(repository: Repository, wanted: Container[str]) -> dict[str, set[str]]:
    """The branches at whose tip an object stands today, and HEAD where that is none of them."""
    refs: dict[str, list[str]] = {}
    for line in repository.run(*_TIPS).decode("utf-8", "surrogateescape").splitlines():
        commit, _, name = line.partition(" ")
        refs.setdefault(commit, []).append(next(name[len(one) :] for one in _HEADS if name.startswith(one)))
    if head := repository.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout.decode().strip():
        refs.setdefault(head, ["HEAD"])
    found: dict[str, set[str]] = {}
    for commit, names in refs.items():
        listed = repository.attempt("ls-tree", "-r", "--full-tree", "--format=%(objectname)", commit)
        for name in listed.stdout.decode().split():
            if name in wanted:
                found.setdefault(name, set()).update(names)
    return found


def _followed(finish: Callable[[], bytes], folder: str, listing: Listing) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """For whom the key was wrapped at some time, and what of the history is not there."""
    named = re.compile(b" " + re.escape(folder.encode()) + rb"[^/]+/(" + FINGERPRINT.pattern.encode() + rb")\.gpg$")
    people: set[str] = set()
    missing: set[str] = set()
    incomplete = [f"{name}: this object is damaged" for name in listing.damaged]
    try:
        for line in finish().split(b"\n"):
            if line.startswith(b"?"):
                missing.add(line[1:].decode())
            elif wrapped := named.search(line):
                people.add(wrapped[1].decode())
    except HardenError as error:
        incomplete.append(f"not all of the history can be followed: {error}")
    gone = missing - set(listing.damaged)
    if gone:
        incomplete.append(f"{len(gone)} objects of the history are not there (a partial clone?): {min(gone)} is one")
    return tuple(sorted(people)), tuple(incomplete)


def _shallow(repository: Repository) -> tuple[str, ...]:
    if repository.run("rev-parse", "--is-shallow-repository").strip() != b"true":
        return ()
    return (
        "what was before the oldest commit here: this is a shallow clone (`git fetch --unshallow` brings the rest)",
    )
