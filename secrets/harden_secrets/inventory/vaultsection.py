"""The section ``vault``."""

from harden.document.shape import Fields, Shape
from harden.document.wording import listing, quote
from harden.document.yamltree import Mapping, Node
from harden_secrets.inventory.fields import out_of_place, text
from harden_secrets.inventory.model import Auth, AuthMethod, VaultSection
from harden_secrets.inventory.paths import path_fault
from harden_secrets.inventory.terms import address_fault, variable_fault

VAULT_KEYS = ("address", "mount", "namespace", "ca_file", "auth")
AUTH_KEYS = ("method", "role", "mount", "role_id", "role_id_file", "secret_id_file", "token_file", "token_variable")

# What each method takes besides `method`, and sets of which one key is needed.
TAKES: dict[AuthMethod, tuple[str, ...]] = {
    AuthMethod.TOKEN: ("token_file",),
    AuthMethod.APPROLE: ("mount", "role_id", "role_id_file", "secret_id_file"),
    AuthMethod.KUBERNETES: ("mount", "role", "token_file"),
    AuthMethod.JWT: ("mount", "role", "token_file", "token_variable"),
}
NEEDS: dict[AuthMethod, tuple[tuple[str, ...], ...]] = {
    AuthMethod.TOKEN: (),
    AuthMethod.APPROLE: (("role_id", "role_id_file"), ("secret_id_file",)),
    AuthMethod.KUBERNETES: (("role",),),
    AuthMethod.JWT: (("role",), ("token_file", "token_variable")),
}


def read_vault(shape: Shape, node: Node) -> VaultSection:
    """What the section says; what is wrong with it goes to the shape's problems."""
    fields = shape.fields(node, '"vault"', VAULT_KEYS)
    mount = text(shape, fields, "mount", lambda name: path_fault(name, "a mount in Vault")) or "secret"
    return VaultSection(
        address=text(shape, fields, "address", address_fault).rstrip("/"),
        mount=mount,
        namespace=text(shape, fields, "namespace", lambda name: path_fault(name.strip("/"), "a namespace of Vault")),
        ca_file=text(shape, fields, "ca_file"),
        auth=_read_auth(shape, fields["auth"][1]) if "auth" in fields else None,
        place=shape.place(node),
    )


def _read_auth(shape: Shape, node: Node) -> Auth | None:
    fields = shape.fields(node, '"auth"', AUTH_KEYS)
    if not isinstance(node, Mapping):
        return None
    if "method" not in fields:
        shape.problems.add(node.line, f'"auth" needs "method": {listing(list(AuthMethod))}')
        return None
    word = shape.choice(fields["method"][1], '"method"', list(AuthMethod))
    if word is None:
        return None
    method = AuthMethod(word)
    _check_keys(shape, fields, method, node.line)
    return Auth(
        method=method,
        role=text(shape, fields, "role"),
        mount=text(shape, fields, "mount", lambda name: path_fault(name, "a mount in Vault")),
        role_id=text(shape, fields, "role_id"),
        role_id_file=text(shape, fields, "role_id_file"),
        secret_id_file=text(shape, fields, "secret_id_file"),
        token_file=text(shape, fields, "token_file"),
        token_variable=text(shape, fields, "token_variable", variable_fault),
        place=shape.place(node),
    )


def _check_keys(shape: Shape, fields: Fields, method: AuthMethod, line: int) -> None:
    out_of_place(shape, fields, f"the method {method}", ("method", *TAKES[method]))
    for either in NEEDS[method]:
        given = [name for name in either if name in fields]
        if not given:
            wanted = " or ".join(quote(name) for name in either)
            shape.problems.add(line, f"the method {method} needs {wanted}")
        elif len(given) > 1:
            both = listing([quote(name) for name in given])
            shape.problems.add(fields[given[1]][0].line, f"{both} say the same: keep one of them")
