"""The image that runs `harden` in pods of the tests."""

from cluster.workload import Cluster, container

SCRIPT = """\
set -e
id -un
harden --version
harden secrets scan /etc/passwd
git --version
git-crypt --version
ssh -V 2>&1
python3 -c 'import harden' 2>/dev/null || echo only harden has this Python
touch /etc/here 2>/dev/null || echo nothing can be written here
"""


def test_harden_runs_in_a_pod(cluster: Cluster, harden_image: str) -> None:
    """As a user without rights, on a root that cannot be written: itself, its libraries and the programs it calls."""
    limits = {"readOnlyRootFilesystem": True, "runAsNonRoot": True, "runAsUser": 65532}
    main = container(["sh", "-c", SCRIPT], image=harden_image, securityContext=limits)
    main["volumeMounts"] = [{"name": "tmp", "mountPath": "/tmp"}]
    spec = {"restartPolicy": "Never", "containers": [main], "volumes": [{"name": "tmp", "emptyDir": {}}]}
    with cluster.namespace() as namespace:
        cluster.admin.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "harden"}, "spec": spec}, namespace=namespace
        )
        cluster.wait_for_pod(namespace, "harden", "Succeeded")
        said = cluster.logs(namespace, "harden").splitlines()
    begins = ("harden", "harden ", "no key material", "git version", "git-crypt ", "OpenSSH", "only", "nothing")
    assert len(said) == len(begins), said
    assert all(line.startswith(begin) for line, begin in zip(said, begins, strict=True)), said
