"""From the policy file's bytes to a :class:`~wgfw.policy.document.Document`, or to all that is wrong with it."""

from collections.abc import Iterable
from pathlib import Path

from harden.document.problems import Problems
from harden.document.shape import Fields, Shape
from harden.document.yamltree import Mapping, Node, Scalar, parse
from wgfw.policy.document import Document, Profile
from wgfw.policy.files import ProfileFile, read_policy_file, read_profiles_folder
from wgfw.policy.interfaces import read_interfaces
from wgfw.policy.people import read_clients, read_profiles, read_shipped
from wgfw.policy.settings import read_defaults, read_tests
from wgfw.policy.terms import Terms
from wgfw.policy.vocabulary import read_networks, read_services

TOP_KEYS = (
    "version", "interface", "peers", "interfaces", "networks", "services", "profiles", "clients", "defaults", "tests",
)  # fmt: skip
NOTHING = Mapping({}, True, 1, 0, 0)


def load(path: str, profiles_dir: Path | None = None) -> Document:
    """The policy at ``path`` and the shipped profiles (from ``profiles_dir``, or those that come with harden).

    Raises HardenError with every problem of the file, each as ``path:line: …``.
    """
    return read_document(read_policy_file(path), path, read_profiles_folder(profiles_dir))


def read_document(data: bytes, path: str, shipped: Iterable[ProfileFile] = ()) -> Document:
    """The same from bytes; ``shipped`` are the profiles that the policy may use without defining them."""
    problems = Problems(path)
    tree = parse(data, problems)
    shape = Shape(tree, problems)
    if not isinstance(tree.root, Mapping):
        problems.stop(tree.root.line, 'a policy is a mapping that begins with "version: 1"')
    document = _assemble(shape, tree.root, {file.name: file for file in shipped})
    problems.raise_if_any()
    return document


def _assemble(shape: Shape, root: Mapping, shipped: dict[str, ProfileFile]) -> Document:
    """All sections in the order in which they need each other's names."""
    fields = shape.fields(root, "a policy", TOP_KEYS)
    shape.check_version(fields, root.line)
    services = read_services(shape, _section(fields, "services"))
    networks = read_networks(shape, _section(fields, "networks"))
    known = {**shipped, **_section_keys(fields, "profiles")}
    terms = Terms(services, networks, known, _section_keys(fields, "clients"))
    own = read_profiles(shape, _section(fields, "profiles"), terms)
    lent = Terms(services, networks, known, open_networks=True)
    return Document(
        path=shape.problems.path,
        interfaces=read_interfaces(shape, fields, root.line, known),
        networks=networks,
        services=services,
        profiles={**{name: _lend(file, lent) for name, file in shipped.items() if name not in own}, **own},
        clients=read_clients(shape, _section(fields, "clients"), terms),
        defaults=read_defaults(shape, _section(fields, "defaults"), known),
        tests=read_tests(shape, _section(fields, "tests"), terms) if _section(fields, "tests") is not NOTHING else (),
    )


def _section(fields: Fields, name: str) -> Node:
    """A section's node; one that is not there or has only comments is an empty mapping."""
    node = fields[name][1] if name in fields else NOTHING
    return NOTHING if isinstance(node, Scalar) and node.kind == "null" else node


def _section_keys(fields: Fields, name: str) -> Fields:
    node = _section(fields, name)
    return node.pairs if isinstance(node, Mapping) else {}


def _lend(file: ProfileFile, terms: Terms) -> Profile:
    """A shipped profile as this policy's services make it; its own faults are raised by themselves."""
    problems = Problems(file.path)
    tree = parse(file.data, problems)
    profile = read_shipped(Shape(tree, problems), tree.root, file.name, terms)
    problems.raise_if_any()
    return profile
