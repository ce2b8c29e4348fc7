"""Places in files that are no manifests."""

import base64
import bz2
import gzip
import io
import json
import lzma
import tarfile
import textwrap
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote

import zstandard

from tests.harden_secrets.planted.manifests import SECRET
from tests.harden_secrets.planted.planting import Planted, Seed, block, crlf, planted


def plain(seed: Seed) -> Planted:
    return Planted("key", seed.content, 1, seed.encodings)


def plain_crlf(seed: Seed) -> Planted:
    return crlf(plain(seed.as_text))


def prose(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("notes.md", "# Notes\n\nThe key:\n\n```\n@@\n```\n", seed.text.strip(), seed)


def comment_in_yaml(seed: Seed) -> Planted:
    seed = seed.as_text
    text = "a: 1\n# the old one:\n# @@\nb: 2\n"
    return planted("c.yaml", text, seed.text.strip().replace("\n", "\n# "), seed)


def comment_in_hcl(seed: Seed) -> Planted:
    seed = seed.as_text
    text = 'locals {\n  // the old one\n  // @@\n  b = "2"\n}\n'
    return planted("c.tf", text, seed.text.strip().replace("\n", "\n  // "), seed)


def commented_manifest(seed: Seed) -> Planted:
    seed = seed.in_base64
    body = textwrap.indent(f"{SECRET}data:\n  it: @@\n", "# ")
    return planted("c.yaml", f"a: 1\n{body}", seed.text, seed, ("Secret", "home", "holder", "/data/it"))


def hcl_string(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("m.tf", 'resource "x_y" "z" {\n  a  = 1\n  it = @@\n}\n', json.dumps(seed.text), seed)


def hcl_heredoc(seed: Seed) -> Planted:
    seed = seed.as_text
    text = 'resource "kubernetes_secret" "x" {\n  metadata {\n    name = "holder"\n    namespace = "home"\n  }\n'
    return planted(
        "m.tf",
        text + "  data = {\n    it = <<EOT\n@@\nEOT\n  }\n}\n",
        seed.text.strip(),
        seed,
        ("Secret", "home", "holder", "/data/it"),
    )


def hcl_indented_heredoc(seed: Seed) -> Planted:
    seed = seed.as_text
    text = "locals {\n  it = {\n    x = <<-EOT\n      @@\n    EOT\n  }\n}\n"
    return planted("m.tf", text, block(seed.text, 6), seed)


def hcl_binary_data(seed: Seed) -> Planted:
    seed = seed.in_base64
    text = 'resource "kubernetes_config_map_v1" "x" {\n  metadata { name = "holder" }\n'
    text += '  binary_data = {\n    "it" = "@@"\n  }\n}\n'
    return planted("m.tf", text, seed.text, seed, ("ConfigMap", "", "holder", "/binary_data/it"))


def hcl_manifest(seed: Seed) -> Planted:
    seed = seed.in_base64
    text = (
        'resource "kubernetes_manifest" "x" {\n  manifest = {\n    apiVersion = "v1"\n    kind = "Secret"\n'
        '    metadata = { name = "holder", namespace = "home" }\n    data = {\n      it = "@@"\n    }\n  }\n}\n'
    )
    return planted("m.tf", text, seed.text, seed, ("Secret", "home", "holder", "/data/it"))


def hcl_decoded(seed: Seed) -> Planted:
    seed = seed.in_base64
    return planted("m.tf", 'output "x" {\n  value = base64decode("@@")\n}\n', seed.text, seed)


def hcl_yamlencode(seed: Seed) -> Planted:
    seed = seed.as_text
    text = "locals {\n  values = yamlencode({\n    a = { it = @@ }\n  })\n}\n"
    return planted("m.tf", text, json.dumps(seed.text), seed)


def variables(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("x.tfvars", "a = 1\nit = @@\n", json.dumps(seed.text), seed)


def state(seed: Seed) -> Planted:
    seed = seed.as_text
    attributes = {
        "binary_data": None,
        "data": {"it": "@@"},
        "metadata": [{"name": "holder", "namespace": "home"}],
        "type": "Opaque",
    }
    resource = {"mode": "managed", "type": "kubernetes_secret", "name": "x", "instances": [{"attributes": attributes}]}
    text = json.dumps({"version": 4, "terraform_version": "1.9.0", "resources": [resource]}, indent=2)
    return planted(
        "terraform.tfstate",
        text,
        json.dumps(seed.text)[1:-1],
        seed,
        ("Secret", "home", "holder", "/data/it"),
    )


def state_output(seed: Seed) -> Planted:
    seed = seed.as_text
    text = json.dumps({"version": 4, "outputs": {"it": {"value": "@@", "sensitive": True}}}, indent=1)
    return planted("terraform.tfstate", text, json.dumps(seed.text)[1:-1], seed)


def dockerfile_env(seed: Seed) -> Planted:
    seed = seed.one_line
    return planted("Dockerfile", "FROM debian:12\nARG A=1\nENV IT=@@\nRUN true\n", seed.text, seed)


def dockerfile_heredoc(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("Dockerfile", "FROM debian:12\nCOPY <<EOF /root/key\n@@\nEOF\n", seed.text.strip(), seed)


def ci_variables(seed: Seed) -> Planted:
    seed = seed.one_line
    return planted(".gitlab-ci.yml", "job:\n  variables:\n    IT: '@@'\n  script: [make]\n", seed.text, seed)


def ci_step(seed: Seed) -> Planted:
    seed = seed.in_base64
    text = "steps:\n  - name: unlock\n    commands:\n      - echo @@ | base64 -d | git-crypt unlock -\n"
    return planted(".woodpecker/x.yml", text, seed.text, seed)


def shell_echo(seed: Seed) -> Planted:
    seed = seed.in_base64
    return planted("run.sh", "#!/bin/sh\nset -e\necho '@@' | base64 -d > key\n", seed.text, seed)


def shell_heredoc(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("run.sh", "#!/bin/sh\ncat > key <<'EOF'\n@@\nEOF\nchmod 600 key\n", seed.text.strip(), seed)


def shell_heredoc_base64(seed: Seed) -> Planted:
    digits = base64.encodebytes(seed.content).decode().strip()
    return planted("run.sh", "#!/bin/sh\nbase64 -d > key <<EOF\n@@\nEOF\n", digits, seed.in_base64)


def shell_manifest(seed: Seed) -> Planted:
    seed = seed.in_base64
    text = f"#!/bin/sh\nkubectl apply -f - <<EOF\n{SECRET}data:\n  it: @@\nEOF\n"
    return planted("run.sh", text, seed.text, seed, ("Secret", "home", "holder", "/data/it"))


def shell_printf(seed: Seed) -> Planted:
    escaped = "".join(f"\\x{byte:02x}" for byte in seed.content)
    return planted("run.sh", "#!/bin/sh\nprintf '@@' > key\n", escaped, seed.wrapped("hex", b""))


def dotenv(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted(".env", 'PORT=80\nexport IT="@@"\n', seed.text.strip().replace("\n", "\\n"), seed)


def dotenv_lines(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted(".env", 'PORT=80\nIT="@@"\n', seed.text.strip(), seed)


def dotenv_base64(seed: Seed) -> Planted:
    seed = seed.in_base64
    return planted(".env", "PORT=80\nIT=@@\n", seed.text, seed)


def unit(seed: Seed) -> Planted:
    seed = seed.one_line
    return planted("x.service", '[Service]\nUser=x\nEnvironment="IT=@@"\n', seed.text, seed)


def helm_values(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("values.yaml", "image: x\nauth:\n  it: |\n    @@\n", block(seed.text, 4), seed)


def cloud_init(seed: Seed) -> Planted:
    seed = seed.as_text
    text = "#cloud-config\nwrite_files:\n- path: /root/it\n  content: |\n    @@\n"
    return planted("user-data", text, block(seed.text, 4), seed)


def cloud_init_packed(seed: Seed) -> Planted:
    seed = seed.wrapped("gzip", gzip.compress(seed.content)).in_base64
    text = "#cloud-config\nwrite_files:\n- path: /root/it\n  encoding: gz+b64\n  content: @@\n"
    return planted("user-data", text, seed.text, seed)


def json_file(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("x.json", '{\n "a": 1,\n "it": "@@"\n}\n', json.dumps(seed.text)[1:-1], seed)


def json_escaped(seed: Seed) -> Planted:
    seed = seed.as_text
    escaped = json.dumps(seed.text)[1:-1].replace("/", "\\/").replace("=", "\\u003d").replace("+", "\\u002b")
    return planted("x.json", '{"it": "@@"}', escaped, seed)


def json_lines(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("x.jsonl", '{"n": 1}\n{"n": 2, "it": "@@"}\n{"n": 3}\n', json.dumps(seed.text)[1:-1], seed)


def quoted_json(seed: Seed) -> Planted:
    seed = seed.as_text
    inner = json.dumps(json.dumps({"deep": {"it": seed.text}}))[1:-1]
    return planted(
        "x.py", 'import json\n\nx = json.loads("@@")\n', inner, Seed(b"", ("quoted", "json:/deep/it", *seed.encodings))
    )


def base64_url_safe(seed: Seed) -> Planted:
    digits = base64.urlsafe_b64encode(seed.content).decode().rstrip("=")
    name = "base64url" if set(digits) & set("-_") else "base64"
    return planted("x.txt", "a\nit @@ z\n", digits, seed.wrapped(name, b""))


def base64_unpadded(seed: Seed) -> Planted:
    return planted("x.txt", "it: @@\n", seed.in_base64.text.rstrip("="), seed.in_base64)


def base64_twice(seed: Seed) -> Planted:
    seed = seed.in_base64.in_base64
    return planted("x.txt", "\n\n@@\n", seed.text, seed)


def hexadecimal(seed: Seed) -> Planted:
    return planted("x.txt", "it=@@\n", seed.content.hex(), seed.wrapped("hex", b""))


def hexadecimal_lines(seed: Seed) -> Planted:
    digits = "\n".join(textwrap.wrap(seed.content.hex().upper(), 60))
    return planted("x.hex", "@@\n", digits, seed.wrapped("hex", b""))


def c_array(seed: Seed) -> Planted:
    digits = ",\n  ".join(", ".join(f"0x{byte:02x}" for byte in row) for row in _rows(seed.content, 12))
    return planted("x.c", "static char it[] = {\n  @@\n};\n", digits, seed.wrapped("hex", b""))


def _rows(content: bytes, width: int) -> list[bytes]:
    return [content[start : start + width] for start in range(0, len(content), width)]


def percent(seed: Seed) -> Planted:
    text = quote(seed.content, safe="")
    return planted("x.txt", "GET /?it=@@&b=1\n", text, seed.wrapped("percent", b"") if "%" in text else seed)


def gzipped(seed: Seed) -> Planted:
    return Planted("x.gz", gzip.compress(seed.content), 1, ("gzip", *seed.encodings))


def zlib_base64(seed: Seed) -> Planted:
    seed = seed.wrapped("zlib", zlib.compress(seed.content)).in_base64
    return planted("x.txt", "it: @@\n", seed.text, seed)


def bzipped(seed: Seed) -> Planted:
    return Planted("x.bz2", bz2.compress(seed.content), 1, ("bzip2", *seed.encodings))


def xzipped(seed: Seed) -> Planted:
    return Planted("x.xz", lzma.compress(seed.content), 1, ("xz", *seed.encodings))


def zstandard_file(seed: Seed) -> Planted:
    return Planted("x.zst", zstandard.compress(seed.content), 1, ("zstd", *seed.encodings))


def tarred(seed: Seed) -> Planted:
    return Planted("x.tar", _tar(seed.content), 1, ("tar:etc/it", *seed.encodings))


def tarball(seed: Seed) -> Planted:
    return Planted("x.tgz", gzip.compress(_tar(seed.content)), 1, ("gzip", "tar:etc/it", *seed.encodings))


def _tar(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, member in (("etc/" + "other" * 30, b"nothing"), ("etc/it", content)):
            info = tarfile.TarInfo(name)
            info.size = len(member)
            archive.addfile(info, io.BytesIO(member))
    return out.getvalue()


def zipped(seed: Seed) -> Planted:
    return Planted("x.jar", _zip(seed.content), 1, ("zip:META-INF/it", *seed.encodings))


def zip_in_base64(seed: Seed) -> Planted:
    packed = Seed(_zip(seed.content), ("zip:META-INF/it", *seed.encodings)).in_base64
    return planted("x.txt", "data:application/zip;base64,@@\n", packed.text, packed)


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        archive.writestr("META-INF/it", content)
    return out.getvalue()


def tarball_of_manifest(seed: Seed) -> Planted:
    manifest = f"{SECRET}data:\n  it: {seed.in_base64.text}\n".encode()
    packed = base64.b64encode(gzip.compress(_tar(manifest))).decode()
    way = Seed(b"", ("base64", "gzip", "tar:etc/it", "yaml:/data/it", "base64", *seed.encodings))
    return planted("x.txt", "backup: @@\n", packed, way, ("Secret", "home", "holder", "/data/it"))


def utf16(seed: Seed) -> Planted:
    seed = seed.as_text
    return Planted("x.txt", seed.text.encode("utf-16"), 1, ("utf-16-le", *seed.encodings))


def utf16_big(seed: Seed) -> Planted:
    seed = seed.as_text
    return Planted("x.txt", seed.text.encode("utf-16-be"), 1, ("utf-16-be", *seed.encodings))


def utf16_base64(seed: Seed) -> Planted:
    seed = seed.as_text
    packed = Seed(seed.text.encode("utf-16-le"), ("utf-16-le", *seed.encodings)).in_base64
    return planted("x.ps1", "powershell -EncodedCommand @@\r\n", packed.text, packed)


def broken_yaml(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted("x.yaml", "a: [1\nb: }\n  it: |\n@@\n", seed.text.strip(), seed)


FILES: dict[str, Callable[[Seed], Planted]] = {
    place.__name__: place
    for place in (
        plain, plain_crlf, prose, comment_in_yaml, comment_in_hcl, commented_manifest, hcl_string, hcl_heredoc,
        hcl_indented_heredoc, hcl_binary_data, hcl_manifest, hcl_decoded, hcl_yamlencode, variables, state,
        state_output, dockerfile_env, dockerfile_heredoc, ci_variables, ci_step, shell_echo, shell_heredoc,
        shell_heredoc_base64, shell_manifest, shell_printf, dotenv, dotenv_lines, dotenv_base64, unit, helm_values,
        cloud_init, cloud_init_packed, json_file, json_escaped, json_lines, quoted_json, base64_url_safe,
        base64_unpadded, base64_twice, hexadecimal, hexadecimal_lines, c_array, percent, gzipped, zlib_base64,
        bzipped, xzipped, zstandard_file, tarred, tarball, zipped, zip_in_base64, tarball_of_manifest, utf16,
        utf16_big, utf16_base64, broken_yaml,
    )
}  # fmt: skip
