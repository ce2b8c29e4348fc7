"""Whatever an object holds and however it is used: after a plan is carried out, everybody sees the bytes of before."""

import base64
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harden_secrets.cluster.port import Manifest
from harden_secrets.plan.file import as_text
from harden_secrets.plan.soundness import faults
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.stage import Stage, entries, workload

NAME = "settings"
FORMS = ("text", "base64", "bytes")
SCRIPT = "kubectl -n apps get {kind} settings -o jsonpath='{{.data.{key}}}'\n"


@cache
def values() -> dict[str, bytes]:
    """Two keys and what is none; made once."""
    return {
        "first": ssh.openssh(),
        "second": symmetric.git_crypt(),
        "level": b"info",
        "note": b"for the \xff database\n",
    }


@st.composite
def holders(draw: st.DrawFn) -> Manifest:
    """A ConfigMap or Secret with at least one key, in some form, and some of the others."""
    kind = draw(st.sampled_from(["ConfigMap", "Secret"]))
    names = draw(st.sets(st.sampled_from(["first", "second", "level", "note"]))) | {
        draw(st.sampled_from(["first", "second"]))
    }
    data: dict[str, str] = {}
    binary: dict[str, str] = {}
    for name in sorted(names):
        form, value = draw(st.sampled_from(FORMS)), values()[name]
        text = base64.b64encode(value).decode()
        if kind == "Secret":
            data[name] = base64.b64encode(text.encode()).decode() if form == "base64" else text
        elif form == "base64":
            data[name] = text
        elif form == "text" and name in ("first", "level"):
            data[name] = value.decode()
        else:
            binary[name] = text
    made: Manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": NAME, "namespace": "apps"}}
    made |= {"data": data} if data else {}
    made |= {"binaryData": binary} if binary else {}
    return made | ({"immutable": True} if draw(st.booleans()) else {})


@st.composite
def users(draw: st.DrawFn, holder: Manifest, called: str) -> Manifest:
    """A workload that uses it in several ways at once, as the API server takes them."""
    names = sorted({*holder.get("data", {}), *holder.get("binaryData", {})})
    ways = draw(st.sets(st.sampled_from(["volume", "items", "subPath", "projected", "env", "envFrom"]), min_size=1))
    config = holder["kind"] == "ConfigMap"
    field, name_field = ("configMap", "name") if config else ("secret", "secretName")
    some = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    items = [{"key": key, "path": f"sub/{key}", "mode": 256} for key in some]
    optional = {"optional": True} if draw(st.booleans()) else {}
    volumes = {
        "volume": {field: {name_field: NAME, "defaultMode": 288} | optional},
        "items": {field: {name_field: NAME, "items": items}},
        "subPath": {field: {name_field: NAME}},
        "projected": {"projected": {"sources": [{field: {"name": NAME, "items": items} | optional}]}},
    }
    container: dict[str, Any] = {"volumeMounts": []}
    for way in sorted(ways & set(volumes)):
        sub = {"subPath": some[0]} if way == "subPath" else {}
        container["volumeMounts"].append({"name": way.lower(), "mountPath": f"/{way}"} | sub)
    if "env" in ways and (variables := sorted(holder.get("data", {}))):
        reference = {"name": NAME, "key": draw(st.sampled_from(variables))} | optional
        container["env"] = [{"name": "ONE", "valueFrom": {f"{field}KeyRef": reference}}]
    if "envFrom" in ways:
        container["envFrom"] = [{"prefix": "P_", f"{field}Ref": {"name": NAME} | optional}]
    kind = draw(st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]))
    return workload(kind, called, container, [{"name": w.lower(), **volumes[w]} for w in sorted(ways & set(volumes))])


@st.composite
def estates(draw: st.DrawFn) -> tuple[list[Manifest], str]:
    """A holder with up to two workloads, and perhaps a script that asks for one entry of it."""
    holder = draw(holders())
    objects = [holder, *(draw(users(holder, f"w{number}")) for number in range(draw(st.integers(0, 2))))]
    kind = draw(st.sampled_from(["", "cm", "secret"]))
    key = draw(st.sampled_from(sorted({*holder.get("data", {}), *holder.get("binaryData", {})})))
    return objects, SCRIPT.format(kind=kind, key=key) if kind else ""


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estates())
def test_everybody_sees_what_was_seen(estate: tuple[list[Manifest], str]) -> None:
    """At every moment, forward and back; and the plan holds no value in any form."""
    objects, script = estate
    stage = Stage(objects)
    plan = stage.plan(script)
    assert list(faults(plan)) == []
    text = as_text(plan)
    for key in ("first", "second"):
        value = values()[key]
        assert base64.b64encode(value).decode() not in text
        assert base64.b64encode(base64.b64encode(value)).decode() not in text
    with TemporaryDirectory() as folder:
        stage.run(plan, Path(folder)).forward()
        assert stage.wrong == []
        stage.run(plan, Path(folder)).back()
        assert stage.wrong == []


def test_a_file_that_nobody_looks_at_does_not_keep_a_pod_from_starting() -> None:
    """A volume that was turned for one key lists the others: none of them may go while it is listed."""
    both = values()
    data = {"first": both["first"].decode(), "level": "info"}
    binary = {"second": base64.b64encode(both["second"]).decode()}
    holder = entries("ConfigMap", "settings", {}) | {"data": data, "binaryData": binary}
    mount = {"name": "v", "mountPath": "/first", "subPath": "first"}
    user = workload("Deployment", "w", {"volumeMounts": [mount]}, [{"name": "v", "configMap": {"name": "settings"}}])
    stage = Stage([holder, user])
    plan = stage.plan("")
    with TemporaryDirectory() as folder:
        stage.run(plan, Path(folder)).forward()
        stage.run(plan, Path(folder)).back()
    assert stage.wrong == []
