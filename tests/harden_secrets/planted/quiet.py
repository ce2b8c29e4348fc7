"""What looks like a secret and is none: public, encrypted, to be filled in, or said about secrets."""

import base64
import gzip
import secrets
from collections.abc import Callable

from tests.harden_secrets.keys import pem, signers, ssh
from tests.harden_secrets.keys.catalogue import HARMLESS
from tests.harden_secrets.keys.pgp import message
from tests.harden_secrets.keys.programs import run

_SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: holder}\n"


def _age_message(*options: str) -> bytes:
    recipient = signers.age_recipient(signers.age()).decode().strip()
    return run("age", "-r", recipient, *options, input=pem.pkcs8())


def sealed_secret() -> bytes:
    sealed = base64.b64encode(b"\x02\x00" + secrets.token_bytes(700)).decode()
    head = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: s}\nspec:\n  encryptedData:\n"
    return f"{head}    password: {sealed}\n    id_rsa: {sealed}\n".encode()


def sops_document() -> bytes:
    value = f"ENC[AES256_GCM,data:{_b64(20)},iv:{_b64(32)},tag:{_b64(16)},type:str]"
    armour = "\n".join(f"            {line}" for line in _age_message("-a").decode().splitlines())
    section = f"sops:\n    age:\n        - recipient: age1x\n          enc: |\n{armour}\n"
    section += f"    lastmodified: '2026'\n    mac: {value}\n"
    return f"{_SECRET}stringData:\n    password: {value}\n    private_key: {value}\n{section}".encode()


def vault_file() -> bytes:
    return b"$ANSIBLE_VAULT;1.1;AES256\n" + b"\n".join(secrets.token_hex(40).encode() for _ in range(20)) + b"\n"


def vault_value() -> bytes:
    return b"db_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  " + secrets.token_hex(40).encode() + b"\nuser: x\n"


def git_crypt_blob() -> bytes:
    return b"\x00GITCRYPT\x00" + secrets.token_bytes(2000)


def age_message() -> bytes:
    return _age_message()


def age_message_in_secret() -> bytes:
    return f"{_SECRET}data:\n  backup: {base64.b64encode(_age_message()).decode()}\n".encode()


def pgp_message_in_config_map() -> bytes:
    armour = "\n".join(f"    {line}" for line in message().decode().splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  m: |\n{armour}\n".encode()


def tls_secret_without_key() -> bytes:
    certificate = base64.b64encode(pem.certificate()).decode()
    return f"{_SECRET}type: Opaque\ndata:\n  ca.crt: {certificate}\n  tls.key: ''\n".encode()


def authorized_keys() -> bytes:
    return b"".join(ssh.public_line() for _ in range(3))


def checksums() -> bytes:
    rows = (f"{secrets.token_hex(32)}  file-{number}.tar.gz\n" for number in range(50))
    lock = (f'    "integrity": "sha512-{_b64(64)}",\n' for _ in range(50))
    return ("".join(rows) + "".join(lock)).encode()


def placeholders() -> bytes:
    body = "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----"
    text = f"key: |\n  {body}\npassword: changeme\ntoken: <your-token>\napi_key: REDACTED\nsecret: xxxxxxxx\n"
    return text.replace("\n...\n", "\n  ...\n  ").encode()


def helm_template() -> bytes:
    return (
        _SECRET + "type: Opaque\ndata:\n  password: {{ .Values.password | b64enc | quote }}\n"
        '  tls.key: {{ index .Values.tls "key" | b64enc }}\n  user: {{ "admin" | b64enc }}\n'
    ).encode()


def terraform_references() -> bytes:
    return (
        b'resource "kubernetes_secret" "x" {\n  metadata { name = "x" }\n  data = {\n    password = var.password\n'
        b'    token = random_password.x.result\n    key = file("${path.module}/key.pem")\n'
        b'    both = "${var.a}:${var.b}"\n  }\n}\nvariable "password" {\n  type = string\n  sensitive = true\n}\n'
    )


def shell_references() -> bytes:
    script = b'#!/bin/sh\nPASSWORD="$1"\nexport TOKEN=${CI_TOKEN}\nKEY=$(cat /run/key)\n'
    return script + b'curl -H "Authorization: Bearer $T" https://api.test.example/\n'


def secret_references() -> bytes:
    return (
        b"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: i\n    env:\n"
        b"    - name: PASSWORD\n      valueFrom: {secretKeyRef: {name: s, key: password}}\n"
        b"    - {name: PASSWORD_FILE, value: /run/secrets/password}\n"
    )


def scanner_rules() -> bytes:
    return (
        b"rules:\n- id: private-key\n  regex: '-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[\\s\\S]+?-----END'\n"
        b"- id: github\n  regex: 'ghp_[0-9a-zA-Z]{36}'\n- id: aws\n  regex: '(AKIA|ASIA)[A-Z0-9]{16}'\n"
    )


def image_in_css() -> bytes:
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(5000)).decode()
    return f".a {{ background: url(data:image/png;base64,{picture}); }}\n".encode()


def compressed_certificate() -> bytes:
    return base64.b64encode(gzip.compress(pem.certificate()))


def _b64(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).decode()


QUIET: dict[str, Callable[[], bytes]] = {
    **HARMLESS,
    **{
        item.__name__: item
        for item in (
            sealed_secret, sops_document, vault_file, vault_value, git_crypt_blob, age_message, age_message_in_secret,
            pgp_message_in_config_map, tls_secret_without_key, authorized_keys, checksums, placeholders, helm_template,
            terraform_references, shell_references, secret_references, scanner_rules, image_in_css,
            compressed_certificate,
        )
    },
}  # fmt: skip
