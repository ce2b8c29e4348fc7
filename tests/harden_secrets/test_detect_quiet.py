"""What is no secret: placeholders, templates, references, ciphertext, names of things, words of documentation."""

import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden_secrets.detect import quiet
from harden_secrets.detect.context import CONTEXT_DETECTORS
from harden_secrets.detect.tokens import TOKEN_DETECTORS
from harden_secrets.material import Detection, Material, Surroundings, detections
from tests.harden_secrets.tokens.alphabet import ALNUM, HEX, URL, text
from tests.harden_secrets.tokens.contexts import CONTEXTS, wireguard_private
from tests.harden_secrets.tokens.standing import STANDING, github, jwt

ALL = (*TOKEN_DETECTORS, *CONTEXT_DETECTORS)
NOWHERE = Surroundings()


def found(content: bytes, surroundings: Surroundings = NOWHERE) -> list[Detection]:
    return list(detections(ALL, content, surroundings))


QUIET_SETTINGS = """
DB_PASSWORD=changeme
DB_PASSWORD=${DB_PASSWORD}
DB_PASSWORD=$DB_PASSWORD
DB_PASSWORD=$(cat /run/secrets/db)
DB_PASSWORD=<your password here>
DB_PASSWORD={{ .Values.db.password }}
DB_PASSWORD=xxxxxxxxxxxx
DB_PASSWORD=************
DB_PASSWORD=/run/secrets/db-password1
DB_PASSWORD=password123
DB_PASSWORD=example-password-1
DB_PASSWORD_FILE=/run/secrets/db1
password: ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,type:str]
password: vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==
password: ref+vault://secret/data/db#/password1
password: op://infra/db/password1
password = var.db_password_1
password = random_password.db1.result
password = data.vault_generic_secret.db1.data["password"]
password: !vault |
secretName: my-app-tls-2024
existingSecret: postgres-credentials-v2
imagePullSecret: registry-credentials-01
passwordSecretRef: db-credentials-1
secret: my-app-secret-v2
token: my-service-account-token-x7f2q
password_length: 32
tokenExpirationSeconds: 3607
secretKey: db-password-1
useTokenAuth: true
token_url: https://id.home.lan/oauth2/token
password = getpass.getpass("Password 1:")
WIREGUARD_PRIVATE_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
database_url: postgres://user:password@localhost:5432/db
database_url: postgres://postgres:postgres@db:5432/db
database_url: postgres://app:${DB_PASSWORD}@db:5432/db
database_url: postgres://app:$(PASSWORD)@db:5432/db
url: https://user:pass@example.com/path
url: https://a:b3kq9z7w1@proxy.example.org/
auth: "dXNlcjpwYXNzd29yZA=="
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
commit: 4f2c9e1b7a6d5c4e3f2a1b0c9d8e7f6a5b4c3d2e
sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
token: abcdef.0123456789abcdef
sshpass -p "$PASSWORD1" ssh root@nas
sshpass -f /root/.password1 ssh root@nas
curl -u "$USER:$PASSWORD1" https://nexus.home.lan
curl -u admin:changeme1 https://nexus.home.lan
curl -H "Authorization: Basic $LOGIN1"
Authorization: Basic dXNlcjpwYXNzd29yZA==
mysql -u root -p"$MYSQL_ROOT_PASSWORD1" app
mysql -u root --port=3306 app
docker login -u ci -p $CI_REGISTRY_PASSWORD1 registry.home.lan
docker login -u ci --password-stdin registry.home.lan
echo "pi:$PASSWORD1" | chpasswd
//nexus.home.lan/:_authToken=${NPM_TOKEN1}
psk="your-wireless-password-1"
secretKey: id_ed25519
secretKey: id_rsa
auth-header: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW
checksum/secret: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
nopassword: x9f86d081884c7d65
kubeadm join 10.0.0.1:6443 --token <token> --discovery-token-ca-cert-hash sha256:4f2c9e1b7a6d5c4e3f2a1b0c9d8e7f6a
""".strip().splitlines()


@pytest.mark.parametrize("line", QUIET_SETTINGS)
def test_a_setting_without_a_secret_is_quiet(line: str) -> None:
    """By itself, and as the value of a field of that name."""
    name, _, value = line.partition(":") if ": " in line else line.partition("=")
    assert found(line.encode() + b"\n") == []
    assert found(value.strip().encode(), Surroundings(file="a.yaml", name=name.strip())) == []


@pytest.mark.parametrize("name", ["github-personal", "npm", "grafana", "gitlab-routable"])
def test_a_wrong_checksum_is_no_token(name: str) -> None:
    """What only looks like a token of an issuer who puts a checksum into them."""
    token = STANDING[name][1]()
    other = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert found(other.encode()) == []


def test_a_random_key_without_a_context_is_none() -> None:
    """32 random bytes in base64 are nobody's WireGuard key, whatever they are called in a file about something else."""
    for line in ("checksum: %s", "%s", "key = %s", "privateKey: %s"):
        assert found((line % wireguard_private()).encode()) == []


def test_the_private_half_of_a_zone_key_is_not_of_wireguard() -> None:
    """BIND writes `PrivateKey:` before 32 bytes, too."""
    content = f"Private-key-format: v1.3\nAlgorithm: 15 (ED25519)\nPrivateKey: {wireguard_private()}\n".encode()
    assert found(content, Surroundings(file="Kexample.org.+015+12345.private")) == []


def test_random_base64_is_no_token() -> None:
    """A short beginning occurs in every long one by chance."""
    content = b"/cio" + text(32, ALNUM).encode() + b"+aB/oy2" + text(43, "abcdefghij234567").encode() + b"/"
    assert found(content) == []


def test_a_private_key_beside_its_public_half_is_one() -> None:
    """In a text on WireGuard, whatever it is called: the public half proves it."""
    from harden_secrets.detect.context import wireguard  # noqa: PLC0415 - its way to the public half

    key = wireguard_private()
    public = wireguard._public_text(key.encode()).decode()
    (detection,) = found(f"# wg0\nours: {key}\npeer: {public}\n".encode())
    assert detection.material is Material.WIREGUARD_PRIVATE_KEY


@pytest.mark.parametrize(
    "token",
    [
        jwt({"sub": "1234567890", "name": "John Doe", "iat": 1516239022}),
        jwt(header={"alg": "none"}),
        jwt({"iss": "supabase", "role": "anon", "exp": 1990000000}),
        jwt().rpartition(".")[0] + ".",
        "eyJhbGciOiJub3QganNvbg.eyJhbGciOiJub3QganNvbg.c2lnbmF0dXJlIG9mIG5vYm9keQ",
    ],
)
def test_a_public_or_unsigned_token_is_quiet(token: str) -> None:
    """Samples of the RFC, keys meant for browsers, tokens that prove nothing."""
    assert found(token.encode()) == []


@pytest.mark.parametrize("shape", ["ghp_{}", "glpat-{}", "xoxb-{}", "sk_live_{}", "hvs.{}", "dop_v1_{}", "AKIA{}"])
@pytest.mark.parametrize(
    "fill", ["x" * 40, "0123456789" * 5, "EXAMPLE" * 7, "your-token-here-please-do", "[A-Za-z0-9]{36}"]
)
def test_samples_in_rules_and_documents_are_quiet(shape: str, fill: str) -> None:
    """A prefix and filling is no token."""
    assert found(shape.format(fill).encode()) == []


def test_the_rules_of_a_scanner_are_known_for_what_they_are() -> None:
    """Their tokens are samples."""
    rules = b"rules:\n  - id: x\n    pattern: '(ghp_[a-z]{36})'\n    examples:\n      - %s\n" % github().encode()
    assert quiet.is_scanner_rules(rules)
    assert not quiet.is_scanner_rules(b"apiVersion: v1\nkind: Secret\nrules: []\n")


KUBECONFIGS = {
    "exec": "user: {exec: {apiVersion: v1, command: aws, args: [--token, x]}}",
    "files": "user: {client-certificate: /a.crt, client-key: /a.key, tokenFile: /t}",
    "none": "user: {}",
}


@pytest.mark.parametrize("name", KUBECONFIGS)
def test_a_kubeconfig_without_a_credential_is_quiet(name: str) -> None:
    """One that runs a program, or names files."""
    text_of = f"kind: Config\ncurrent-context: a\nclusters: []\nusers:\n- name: a\n  {KUBECONFIGS[name]}\n"
    assert found(text_of.encode()) == []


@pytest.mark.parametrize("auths", ["{}", '{"r.io": {}}', '{"r.io": {"auth": ""}}', '{"r.io": {"auth": "dXNlcjo="}}'])
def test_an_empty_docker_configuration_is_quiet(auths: str) -> None:
    """No user, or no password."""
    assert found(f'{{"auths": {auths}}}'.encode(), Surroundings(name=".dockerconfigjson")) == []


@pytest.mark.parametrize("file", ["a.go", "docs/a.yaml", "a.md", "settings.example.json", ".env.example", "x.py"])
def test_passwords_in_code_and_examples_are_quiet(file: str) -> None:
    """A name before a value is a variable there, or something to be copied."""
    assert found(b'{"password": "tR8vWq2LmN5x"}', Surroundings(file=file)) == []


@given(st.binary(max_size=300), st.text(max_size=20), st.text(max_size=40))
def test_no_input_makes_a_detector_fail(content: bytes, name: str, value: str) -> None:
    """Whatever the bytes and whatever stands around them."""
    found(content, Surroundings(name=name, siblings={"token-id": value, "type": value}, file=value))


@given(st.sampled_from([*CONTEXTS]), st.randoms(use_true_random=False))
def test_no_damage_to_a_secret_makes_a_detector_fail(name: str, chance: random.Random) -> None:
    """Bytes changed, cut out and doubled."""
    content = bytearray(CONTEXTS[name]().content)
    for _ in range(3):
        at = chance.randrange(len(content) + 1)
        content[at : at + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
    found(bytes(content))


HARD = [
    b"a" * 1_000_000, b"password=" * 110_000, b"=" * 1_000_000, b"eyJhbGciOi" * 100_000, b"://a:" * 200_000,
    b"keys: [" + b"A" * 1_000_000, b"token-id: abcdef " * 60_000, b"AKIA" * 250_000, b"a:1:a:a:" * 120_000,
    b"\n" * 1_000_000, b" " * 1_000_000, b'{"auth":"' * 110_000, b"machine a login b " * 55_000,
    b"[client]\n" * 110_000,
    b"echo " + b"A" * 1_000_000, b"?sv=" * 250_000, b"-" * 1_000_000, b"0" * 1_000_000, b'\\"' * 500_000,
    b"wireguard private_key: " + b"A" * 1_000_000,
    b"kind: Config users: token: " * 40_000,
]  # fmt: skip


@pytest.mark.parametrize("content", HARD, ids=lambda content: repr(content[:12]))
def test_a_long_text_takes_time_linear_in_it(content: bytes) -> None:
    """Twice the text, about twice the time: no pattern tries everything against everything."""

    def seconds(text_of: bytes) -> float:
        begin = time.process_time()
        found(text_of)
        return time.process_time() - begin

    half = seconds(content[: len(content) // 2])
    assert seconds(content) < max(3 * half, 0.5) + 0.5


@pytest.mark.parametrize(("alphabet", "length"), [(ALNUM, 20), (URL, 20), (HEX, 32), (ALNUM, 36), (HEX, 64)])
def test_what_a_generator_gives_looks_random(alphabet: str, length: int) -> None:
    """All but a very few, as chance makes a word now and then: of a thousand, two at most."""
    assert sum(quiet.looks_random(text(length, alphabet)) for _ in range(1000)) >= 998


def test_a_found_value_is_not_in_a_description() -> None:
    """Descriptions are shown."""
    for make in CONTEXTS.values():
        planted = make()
        for detection in found(planted.content, Surroundings(file=planted.file)):
            shown = detection.description
            assert planted.content[detection.start : detection.end].decode() not in shown
            assert not re.search(r"[A-Za-z0-9+/]{20}", shown)
