"""What a pod says of itself: whether it runs, and what keeps it from doing so. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

_ENDED = ("Succeeded", "Failed")
# Whose message is the kubelet's own. Others quote what the container was started with, and that may be a value.
_EXPLAINED = frozenset({"CreateContainerConfigError", "CrashLoopBackOff", "ErrImageNeverPull", "ErrImagePull",
                        "ImagePullBackOff", "InvalidImageName"})  # fmt: skip


def is_living(pod: Mapping[str, Any]) -> bool:
    """Whether a pod runs, or will; not one that has ended or is on its way out."""
    return "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") not in _ENDED


def runs(pod: Mapping[str, Any], container: str) -> bool:
    """Whether a container of it runs at this moment, one that stays beside the others (a sidecar) among them."""
    return any(one.get("name") == container and "running" in (one.get("state") or {}) for one in _statuses(pod))


def stays_up(pod: Mapping[str, Any]) -> bool:
    """Whether it is ready, as the kubelet sees it, and none of its containers has ended since it began."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return ready and not any(one.get("restartCount") for one in _statuses(pod))


def has_ended(pod: Mapping[str, Any], container: str) -> bool:
    """Whether a container has ended and is not begun again (Kubernetes documentation, "restartPolicy")."""
    policy = (pod.get("spec") or {}).get("restartPolicy") or "Always"
    for one in _statuses(pod):
        ended = (one.get("state") or {}).get("terminated")
        if one.get("name") == container and ended is not None:
            return policy == "Never" or (policy == "OnFailure" and not ended.get("exitCode"))
    return False


def is_out_of_reach(pod: Mapping[str, Any]) -> bool:
    """Whether its node has not been heard of for some time: what the pod says of itself is from before that.

    The node's controller then sets the pod's condition, and a kubelet would say why (pkg/controller/util/node,
    ``MarkPodsNotReady``).
    """
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(
        one.get("type") == "Ready" and one.get("status") == "False" and not one.get("reason") for one in conditions
    )


def troubles(pod: Mapping[str, Any]) -> Iterator[str]:
    """What keeps it from running, in the words of scheduler and kubelet; no value is in them."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield str(condition.get("message") or condition.get("reason"))
    if is_out_of_reach(pod):
        yield f"its node {(pod.get('spec') or {}).get('nodeName')} does not answer"
    for one in _statuses(pod):
        waiting = (one.get("state") or {}).get("waiting") or {}
        ended = (one.get("state") or {}).get("terminated") or {}
        reason = str(waiting.get("reason") or "")
        if reason and reason not in ("ContainerCreating", "PodInitializing"):
            said = waiting.get("message") if reason in _EXPLAINED else ""
            yield f"container {one.get('name')}: {reason}{f': {said}' if said else ''}"
        elif ended.get("exitCode"):
            yield f"container {one.get('name')}: ended with status {ended['exitCode']}"


def _statuses(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
