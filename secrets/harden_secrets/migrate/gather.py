"""Reading values again where the plan says they lie, and making sure that they are the ones it means."""

from collections.abc import Callable, Mapping
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.cluster.port import Cluster
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine, examine_object
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.entry import AGAIN, content, whole
from harden_secrets.plan.values import PlannedSecret, VaultField

STORED = "stored"  # the family under which the bytes of a field are fingerprinted


def gathered(
    secret: PlannedSecret, cluster: Callable[[], Cluster], fingerprints: Fingerprinter
) -> Mapping[str, Confidential]:
    """The bytes of each field of a key. Raises HardenError where one is not what the plan saw."""
    found = {one.name: _value(one, secret.fingerprint, cluster, fingerprints) for one in secret.fields}
    for one in secret.fields:
        if fingerprints.of_bytes(STORED, found[one.name]) != one.digest:
            raise HardenError(f"{one.source}: the value there is not the one that the plan saw", AGAIN)
    return found


def _value(
    field: VaultField, fingerprint: str, cluster: Callable[[], Cluster], fingerprints: Fingerprinter
) -> Confidential:
    if field.object is None:
        return _in_file(field, fingerprint, fingerprints)
    manifest = cluster().get(field.object)
    if manifest is None:
        raise HardenError(f"{field.object} is gone", AGAIN)
    if field.part == "whole":
        return whole(manifest, field.pointer)
    for seen in examine_object(manifest, DETECTORS):
        if not isinstance(seen, Sighting) or seen.object is None or seen.object.field != field.pointer:
            continue
        if fingerprints.of(seen.detection) == fingerprint:
            return content(whole(manifest, field.pointer), seen.value)
    raise HardenError(f"{field.source}: the key is not there any more", AGAIN)


def _in_file(field: VaultField, fingerprint: str, fingerprints: Fingerprinter) -> Confidential:
    try:
        content = Path(field.source).read_bytes()
    except OSError as error:
        raise HardenError(f"{field.source}: cannot be read: {error.strerror}", AGAIN) from None
    if field.part == "whole" and not field.pointer:
        return Confidential(content)
    for seen in examine(content, field.source, DETECTORS):
        if not isinstance(seen, Sighting) or fingerprints.of(seen.detection) != fingerprint:
            continue
        if not field.pointer or (seen.object is not None and seen.object.field == field.pointer):
            return seen.value
    raise HardenError(f"{field.source}: the key is not there any more", AGAIN)
