"""The node of a test cluster: containerd and kubelet, which run real pods with a network of their own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster import programs
from cluster.api import ApiError
from cluster.control import ApiServer
from cluster.image import PAUSE, write_images
from cluster.room import ADDRESS, Program, Room, RoomError

NAME = "node"
SOCKET = "/run/containerd/containerd.sock"
PLUGINS = "/usr/lib/cni"
CONTAINERD = """\
version = 2
root = "{node}/containerd"
state = "/run/containerd"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{node}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true  # where this process may not lower it, no pod would start
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{folder}"
"""


def network(node: Path) -> dict[str, Any]:
    """CNI: pods hang on a bridge, reach each other and the room's address, and nothing else."""
    addresses = {
        "type": "host-local",
        "dataDir": str(node / "cni"),
        "ranges": [[{"subnet": "10.244.0.0/22"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "pods0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "containerRuntimeEndpoint": f"unix://{SOCKET}",
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    "cgroupDriver": "cgroupfs",
    "cgroupsPerQOS": False,
    "enforceNodeAllocatable": [],
    "failSwapOn": False,
    "makeIPTablesUtilChains": False,
    "resolvConf": "",
    "maxPods": 500,
    "nodeStatusUpdateFrequency": "2s",
    "syncFrequency": "2s",  # how soon a volume shows a new value of its Secret
    "imageGCHighThresholdPercent": 100,  # on a full disk the image, which nobody can fetch again, would be removed
    "evictionHard": dict.fromkeys(("memory.available", "nodefs.available", "imagefs.available"), "0%"),
}


class Node:
    """Started in three steps, so that the first two pass while the API server starts."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.folder = room.folder / "kubelet"
        self.folder.mkdir()
        self.inside = room.folder / "node"
        self.snapshotter = "overlayfs" if self._stacks() else "native"
        self.runtime = self._start_runtime()

    def load_images(self) -> None:
        """Make the image of `cluster.image` and bring it in."""
        self.load(write_images)

    def load(self, write: Callable[[Path], None]) -> None:
        """Bring in the images of an OCI archive, which ``write`` makes; the node keeps those it has."""
        archive = self.folder / "images.tar"
        write(archive)
        command = ["ctr", "--address", SOCKET, "--namespace", "k8s.io", "images", "import"]
        loader = self.room.run("ctr", [*command, "--snapshotter", self.snapshotter, str(archive)])
        if self.room.finish(loader) != 0:
            raise RoomError(f"the image of the pods cannot be loaded:\n{loader.tail()}")
        archive.unlink()

    def join(self, server: ApiServer) -> None:
        """Start kubelet; returns when the node is ready for pods."""
        config = self.folder / "kubelet.json"
        config.write_text(json.dumps(KUBELET))
        access = server.inside_kubeconfig("kubelet", f"system:node:{NAME}", ["system:nodes"])
        command = [programs.built("kubelet"), f"--config={config}", f"--kubeconfig={access}"]
        kubelet = self.room.run("kubelet", [*command, f"--hostname-override={NAME}", f"--node-ip={ADDRESS}"])
        self.room.wait("the node", kubelet, lambda: is_ready(server), 120)

    def _start_runtime(self) -> Program:
        text = CONTAINERD.format(
            node=self.inside,
            socket=SOCKET,
            pause=PAUSE,
            snapshotter=self.snapshotter,
            plugins=PLUGINS,
            folder=self.folder,
        )
        (self.folder / "containerd.toml").write_text(text)
        (self.folder / "10-pods.conflist").write_text(json.dumps(network(self.inside)))
        if not Path(PLUGINS, "bridge").exists():
            raise programs.MissingProgramError(f"there is no {PLUGINS}/bridge: run scripts/bootstrap.sh test")
        program = self.room.run("containerd", ["containerd", "--config", str(self.folder / "containerd.toml")])
        self.room.wait("containerd", program, lambda: "successfully booted" in program.tail())
        return program

    def _stacks(self) -> bool:
        """Whether overlays may be mounted here: pods then share the image's files instead of copying them."""
        layers = "lowerdir=lower,upperdir=upper,workdir=work"
        script = f'cd "$1" && mkdir lower upper work top && exec mount -t overlay none -o {layers} top'
        return self.room.finish(self.room.run("overlay", ["sh", "-c", script, "sh", str(self.inside)])) == 0


def is_ready(server: ApiServer) -> bool:
    """Whether pods may start: the node says it is ready, and the controllers have taken note of it."""
    try:
        node = server.admin.get("v1", "Node", NAME, None)
    except ApiError:
        return False
    conditions = node.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not node["spec"].get("taints")
