"""Fields of other kinds that name a Secret or ConfigMap."""

import pytest
import yaml

from harden_secrets.cluster.consumers import Index, Way, consumers
from harden_secrets.cluster.port import ObjectName

NS = "media"


def named(kind: str) -> ObjectName:
    return ObjectName("v1", kind, NS, "x")


CASES = [
    # what it is, apiVersion, kind, the rest, kind of what it names, way, key
    ("ingress", "networking.k8s.io/v1", "Ingress", "spec: {tls: [{hosts: [a], secretName: x}]}", "Secret", Way.TLS, ""),
    ("service account token", "v1", "ServiceAccount", "secrets: [{name: x}]", "Secret", Way.SERVICE_ACCOUNT, ""),
    ("account pull", "v1", "ServiceAccount", "imagePullSecrets: [{name: x}]", "Secret", Way.SERVICE_ACCOUNT, ""),
    ("gateway", "gateway.networking.k8s.io/v1", "Gateway",
     "spec: {listeners: [{tls: {certificateRefs: [{name: x}]}}]}", "Secret", Way.TLS, ""),
    ("issuer", "cert-manager.io/v1", "Issuer",
     "spec: {acme: {privateKeySecretRef: {name: x}}}", "Secret", Way.REFERENCE, ""),
    ("dns token", "cert-manager.io/v1", "Issuer",
     "spec: {acme: {solvers: [{dns01: {cloudflare: {apiTokenSecretRef: {name: x, key: k}}}}]}}",
     "Secret", Way.REFERENCE, "k"),
    ("certificate", "cert-manager.io/v1", "Certificate", "spec: {secretName: x}", "Secret", Way.TARGET, ""),
    ("keystore", "cert-manager.io/v1", "Certificate",
     "spec: {secretName: other, keystores: {jks: {passwordSecretRef: {name: x, key: p}}}}",
     "Secret", Way.REFERENCE, "p"),
    ("flux git", "source.toolkit.fluxcd.io/v1", "GitRepository", "spec: {secretRef: {name: x}}",
     "Secret", Way.REFERENCE, ""),
    ("flux values", "helm.toolkit.fluxcd.io/v2", "HelmRelease",
     "spec: {valuesFrom: [{kind: Secret, name: x, valuesKey: v.yaml}]}", "Secret", Way.REFERENCE, "v.yaml"),
    ("flux values map", "helm.toolkit.fluxcd.io/v2", "HelmRelease",
     "spec: {valuesFrom: [{kind: ConfigMap, name: x}]}", "ConfigMap", Way.REFERENCE, ""),
    ("flux decryption", "kustomize.toolkit.fluxcd.io/v1", "Kustomization",
     "spec: {decryption: {provider: sops, secretRef: {name: x}}}", "Secret", Way.REFERENCE, ""),
    ("flux substitute", "kustomize.toolkit.fluxcd.io/v1", "Kustomization",
     "spec: {postBuild: {substituteFrom: [{kind: ConfigMap, name: x, optional: true}]}}",
     "ConfigMap", Way.REFERENCE, ""),
    ("argo workflow", "argoproj.io/v1alpha1", "Workflow",
     "spec: {templates: [{container: {image: i, env: [{name: A, valueFrom: {secretKeyRef: {name: x, key: k}}}]}}]}",
     "Secret", Way.ENV, "k"),
    ("argo volumes", "argoproj.io/v1alpha1", "Workflow",
     "spec: {volumes: [{name: v, secret: {secretName: x}}]}", "Secret", Way.VOLUME, ""),
    ("store auth", "external-secrets.io/v1", "SecretStore",
     "spec: {provider: {vault: {auth: {tokenSecretRef: {name: x, key: t}}}}}", "Secret", Way.REFERENCE, "t"),
    ("external secret", "external-secrets.io/v1", "ExternalSecret", "spec: {target: {name: x}}",
     "Secret", Way.TARGET, ""),
    ("vault secret", "secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "spec: {destination: {name: x}}",
     "Secret", Way.TARGET, ""),
    ("vault approle", "secrets.hashicorp.com/v1beta1", "VaultAuth", "spec: {appRole: {secretRef: x}}",
     "Secret", Way.REFERENCE, ""),
    ("traefik tls", "traefik.io/v1alpha1", "IngressRoute", "spec: {tls: {secretName: x}}", "Secret", Way.TLS, ""),
    ("traefik basic auth", "traefik.io/v1alpha1", "Middleware", "spec: {basicAuth: {secret: x}}",
     "Secret", Way.REFERENCE, ""),
    ("traefik roots", "traefik.io/v1alpha1", "ServersTransport", "spec: {rootCAsSecrets: [x]}",
     "Secret", Way.REFERENCE, ""),
    ("prometheus secrets", "monitoring.coreos.com/v1", "Prometheus", "spec: {secrets: [x]}",
     "Secret", Way.REFERENCE, ""),
    ("prometheus maps", "monitoring.coreos.com/v1", "Prometheus", "spec: {configMaps: [x]}",
     "ConfigMap", Way.REFERENCE, ""),
    ("prometheus auth", "monitoring.coreos.com/v1", "ServiceMonitor",
     "spec: {endpoints: [{basicAuth: {password: {name: x, key: p}}}]}", "Secret", Way.REFERENCE, "p"),
    ("prometheus ca", "monitoring.coreos.com/v1", "ServiceMonitor",
     "spec: {endpoints: [{tlsConfig: {ca: {configMap: {name: x, key: c}}}}]}", "ConfigMap", Way.REFERENCE, "c"),
    ("alertmanager", "monitoring.coreos.com/v1", "Alertmanager", "spec: {configSecret: x}",
     "Secret", Way.REFERENCE, ""),
    ("crossplane credentials", "aws.upbound.io/v1beta1", "ProviderConfig",
     "spec: {credentials: {source: Secret, secretRef: {namespace: media, name: x, key: creds}}}",
     "Secret", Way.REFERENCE, "creds"),
    ("crossplane connection", "rds.aws.upbound.io/v1beta1", "Instance",
     "spec: {writeConnectionSecretToRef: {name: x, namespace: media}}", "Secret", Way.TARGET, ""),
    ("keda", "keda.sh/v1alpha1", "TriggerAuthentication",
     "spec: {secretTargetRef: [{parameter: p, name: x, key: k}]}", "Secret", Way.REFERENCE, "k"),
    ("postgres", "postgresql.cnpg.io/v1", "Cluster", "spec: {superuserSecret: {name: x}}",
     "Secret", Way.REFERENCE, ""),
    ("persistent volume", "v1", "PersistentVolume",
     "spec: {csi: {driver: d, nodeStageSecretRef: {name: x, namespace: media}}}", "Secret", Way.REFERENCE, ""),
    ("storage class", "storage.k8s.io/v1", "StorageClass",
     "parameters: {csi.storage.k8s.io/fs-secret-name: x, csi.storage.k8s.io/fs-secret-namespace: media}",
     "Secret", Way.DRIVER, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "kind", "rest", "of", "way", "key"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_references_of_kinds_that_are_known(version: str, kind: str, rest: str, of: str, way: Way, key: str) -> None:
    """Each is found once, with its entry and way, and is certain."""
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "o", "namespace": NS}, **yaml.safe_load(rest)}
    (found,) = consumers([manifest], named(of))
    assert (found.way, found.key, found.certain) == (way, key, True)
    value = manifest
    for part in found.pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value[part.replace("~1", "/")]
    assert "x" in (value if isinstance(value, str) else value.values())


def test_annotations_of_ingress_controllers_and_reloader() -> None:
    """A plain name, a name with a namespace, several names."""
    annotations = {
        "nginx.ingress.kubernetes.io/auth-secret": "media/x",
        "secret.reloader.stakater.com/reload": "y,x",
        "kubectl.kubernetes.io/last-applied-configuration": '{"secret": "x"}',
    }
    manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i", "namespace": NS}}
    manifest["metadata"] |= {"annotations": annotations}  # type: ignore[operator]
    assert [one.pointer for one in consumers([manifest], named("Secret"))] == [
        "/metadata/annotations/nginx.ingress.kubernetes.io~1auth-secret",
        "/metadata/annotations/secret.reloader.stakater.com~1reload",
    ]


def test_an_unknown_kind_is_a_guess() -> None:
    """The shape of a reference is enough to warn, and marked as what it is."""
    manifest = {
        "apiVersion": "unheard.example/v1",
        "kind": "Thing",
        "metadata": {"name": "o", "namespace": NS},
        "spec": {"deep": [{"credentialsSecretRef": {"name": "x", "key": "k"}}]},
    }
    (found,) = consumers([manifest], named("Secret"))
    assert (found.key, found.certain) == ("k", False)


def test_helm_values_are_guesses_in_no_namespace() -> None:
    """A file of values has no kind; what it names may be meant in any namespace."""
    index = Index()
    index.add(yaml.safe_load("auth: {existingSecret: x, existingSecretPasswordKey: pw}"), "values.yaml")
    (found,) = index.consumers(named("Secret"))
    assert (found.certain, found.key, found.source, found.uses.namespace) == (False, "pw", "values.yaml", "")


def test_a_cluster_wide_object_may_mean_any_namespace() -> None:
    """A ClusterIssuer takes its Secret from where cert-manager runs, which is not said."""
    manifest = {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "o"}}
    manifest["spec"] = {"ca": {"secretName": "x"}}
    assert len(consumers([manifest], named("Secret"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {ignoreDifferences: [{kind: Secret, name: x}]}}",
        "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Secret, metadata: {name: x}}]}",
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, rules: [{resources: [secrets], resourceNames: [x]}]}",
        "{apiVersion: v1, kind: Secret, metadata: {name: y}, stringData: {secretName: x}}",
        "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, spec: {secretStoreRef: {name: x}}}",
        "{apiVersion: x.example/v1, kind: Y, spec: [{openAPIV3Schema: {properties: {secretRef: {name: x}}}}]}",
    ],
)
def test_what_only_speaks_of_secrets_uses_none(text: str) -> None:
    """Rules, definitions, whole objects, and the values of a Secret."""
    assert consumers([yaml.safe_load(text)], ObjectName("v1", "Secret", "", "x")) == ()
