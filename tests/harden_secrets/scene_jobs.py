"""Runs of harden in a cluster: Jobs of its CronJob, made by hand or by the schedule."""

import time
from dataclasses import dataclass

from cluster.api import ApiError, Object, until
from cluster.workload import Cluster, container

from tests.harden_secrets.scene import job_of

CRON_JOB = "harden-rotate"
MAIN = "harden"
BESIDE = "beside"
WAITING = ("sh", "-c", "until [ -e /tmp/seen ]; do sleep 0.2; done")
LISTING = ("sh", "-c", "find /tmp /var/lib/harden /dev/shm -type f -print -exec cat {} +; touch /tmp/seen")
NOTHING = "nothing is due\n"
LONGEST = 120.0  # seconds for a run


@dataclass(frozen=True)
class Ran:
    """How a Job has ended, and what harden said in its pods."""

    well: bool
    said: str


class Jobs:
    """Of the CronJob in a namespace; ``said`` is what all of them said, one after the other."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._admin = cluster.admin
        self.said = ""

    def start(self, name: str, *, beside: bool = False) -> None:
        """Make one, as ``kubectl create job --from`` does; with a container beside harden, that stays, if wanted."""
        job = job_of(self._admin.get("batch/v1", "CronJob", CRON_JOB, self._namespace), name)
        containers = job["spec"]["template"]["spec"]["containers"]
        if beside:
            mounts = containers[0]["volumeMounts"]
            containers.append(container(WAITING, BESIDE, volumeMounts=mounts))
        self._admin.create(job, self._namespace)

    def ended(self, name: str) -> Ran:
        """What one has come to, once it has; it is removed then, for its pods take room on the node."""
        made: Ran = until(f"the end of {name}", lambda: self._ended(name), LONGEST)
        self.said += made.said
        self._admin.delete("batch/v1", "Job", name, self._namespace)
        return made

    def left(self, name: str) -> bytes:
        """All files that harden has left where it can write, by name and content, from the container beside it."""
        pod = until(f"the end of harden in {name}", lambda: self._done_in(name), LONGEST)
        return self._cluster.run(self._namespace, pod, *LISTING, container=BESIDE).stdout

    def cut_off(self, words: str, name: str = "cut") -> None:
        """Run one whose pod is deleted by force when harden has said that; returns when the Job has taken note."""
        self.start(name)
        pod = until(f"a pod of {name}", lambda: self._pods(name))[0]["metadata"]["name"]
        until(f"{name} says {words}", lambda: words in self._said(pod))
        heard = self._said(pod)
        path = self._admin.path("v1", "Pod", pod, self._namespace)
        self._admin.request("DELETE", path, {"gracePeriodSeconds": 0})
        assert not self.ended(name).well
        self.said += heard

    def fire(self) -> None:
        """Let the CronJob fire by itself, at the next full minute and then no more; returns when its Job is done."""
        self._set(schedule="* * * * *", suspend=False)
        name = until("the CronJob has fired", self._fired, 75)
        self._set(suspend=True)
        ran = self.ended(name)
        assert ran.well, ran.said

    def finish(self) -> None:
        """Run it again until there is nothing to do."""
        for number in range(30):  # a lock whose holder is gone runs out after a minute
            self.start(f"more-{number}")
            ran = self.ended(f"more-{number}")
            assert ran.well, ran.said
            if ran.said == NOTHING:
                return
            time.sleep(3)
        raise AssertionError(self.said)

    def _set(self, **spec: object) -> None:
        self._admin.patch("batch/v1", "CronJob", CRON_JOB, {"spec": spec}, self._namespace)

    def _fired(self) -> str | None:
        jobs = self._admin.list("batch/v1", "Job", self._namespace)
        return next((one["metadata"]["name"] for one in jobs if "ownerReferences" in one["metadata"]), None)

    def _pods(self, name: str) -> list[Object]:
        return self._admin.list("v1", "Pod", self._namespace, f"job-name={name}")

    def _said(self, pod: str) -> str:
        """Nothing before it runs."""
        try:
            return self._cluster.logs(self._namespace, pod, MAIN)
        except ApiError:
            return ""

    def _done_in(self, name: str) -> str | None:
        for pod in self._pods(name):
            for one in pod["status"].get("containerStatuses", []):
                if one["name"] == MAIN and "terminated" in one["state"]:
                    return str(pod["metadata"]["name"])
        return None

    def _ended(self, name: str) -> Ran | None:
        status = self._admin.get("batch/v1", "Job", name, self._namespace).get("status", {})
        ends = {one["type"] for one in status.get("conditions", []) if one["status"] == "True"}
        if not ends & {"Complete", "Failed"}:
            return None
        return Ran("Complete" in ends, "".join(self._said(pod["metadata"]["name"]) for pod in self._pods(name)))
