"""Reading values again where the plan says they lie, and making sure that they are the ones it means."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.cluster.port import Cluster
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine, examine_object
from harden_secrets.fingerprint import STORED, Fingerprinter
from harden_secrets.plan.entry import AGAIN, content, whole
from harden_secrets.plan.fileobjects import shown_in
from harden_secrets.plan.values import PlannedSecret, VaultField


def gathered(
    secret: PlannedSecret, cluster: Callable[[], Cluster], fingerprints: Fingerprinter
) -> Mapping[str, Confidential]:
    """The bytes of each field of a key. Raises HardenError where what the plan saw is not there any more."""
    return {one.name: _value(one, cluster, fingerprints) for one in secret.fields}


def _value(field: VaultField, cluster: Callable[[], Cluster], fingerprints: Fingerprinter) -> Confidential:
    found = _in_file(field) if field.object is None else _in_object(field, cluster())
    for value in found:
        if fingerprints.of_bytes(STORED, value) == field.digest:
            return value
    raise HardenError(f"{field.source}: the value there is not the one that the plan saw", AGAIN)


def _in_object(field: VaultField, cluster: Cluster) -> Iterator[Confidential]:
    assert field.object is not None
    manifest = cluster.get(field.object)
    if manifest is None:
        raise HardenError(f"{field.object} is gone", AGAIN)
    shown = whole(manifest, field.pointer)
    yield shown
    if field.part == "key":
        for seen in examine_object(manifest, DETECTORS):
            if isinstance(seen, Sighting) and seen.object is not None and seen.object.field == field.pointer:
                yield content(shown, seen.value)


def _in_file(field: VaultField) -> Iterator[Confidential]:
    try:
        data = Path(field.source).read_bytes()
    except OSError as error:
        raise HardenError(f"{field.source}: cannot be read: {error.strerror}", AGAIN) from None
    if not field.pointer:
        yield Confidential(data)
    yield from shown_in(data, field.pointer)
    for seen in examine(data, field.source, DETECTORS):
        if isinstance(seen, Sighting):
            yield seen.value
