"""Who carries out which kind of step. Each can be told to do, or undo, the same thing twice."""

from collections.abc import Mapping

from harden_secrets.migrate.performers.deliver import Deliver, ProveDelivery
from harden_secrets.migrate.performers.files import RewriteFile
from harden_secrets.migrate.performers.grant import Grant
from harden_secrets.migrate.performers.prove import ProveConsumer
from harden_secrets.migrate.performers.record import Record
from harden_secrets.migrate.performers.remove import Remove
from harden_secrets.migrate.performers.repoint import Repoint
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.performers.store import Store
from harden_secrets.migrate.performers.verify import Verify
from harden_secrets.migrate.run import Performer
from harden_secrets.migrate.step import Kind


def performers(site: Site) -> Mapping[Kind, Performer]:
    """One for each kind of step that there is at this site."""
    return {
        Kind.STORE: Store(site),
        Kind.DELIVER: Deliver(site),
        Kind.PROVE_DELIVERY: ProveDelivery(site),
        Kind.GRANT: Grant(site),
        Kind.REPOINT: Repoint(site),
        Kind.PROVE_CONSUMER: ProveConsumer(site),
        Kind.REWRITE_FILE: RewriteFile(site),
        Kind.REMOVE: Remove(site),
        Kind.VERIFY: Verify(site),
        Kind.RECORD: Record(site),
    }
