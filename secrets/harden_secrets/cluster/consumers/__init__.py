"""Who uses a ConfigMap or Secret: from objects, live or in files, and from scripts that ask the API server. All pure.

``Index`` takes objects and texts and answers for one ConfigMap or Secret; ``consumers`` does so once.
"""

from harden_secrets.cluster.consumers.consumer import Consumer, Way
from harden_secrets.cluster.consumers.index import Index, consumers
from harden_secrets.cluster.consumers.workload import has_ended

__all__ = ["Consumer", "Index", "Way", "consumers", "has_ended"]
