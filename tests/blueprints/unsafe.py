"""What in Python source runs code out of a file or a text."""

import ast
from collections.abc import Iterator

# By the names that the imports give them, whatever they are called in the file.
NEVER = {
    *("eval", "exec", "__import__", "compile"),
    *(f"{module}.{name}" for module in ("pickle", "marshal", "joblib", "dill") for name in ("load", "loads")),
    *("pickle.Unpickler", "shelve.open", "runpy.run_path", "runpy.run_module", "os.system", "pydoc.locate"),
    *("hydra.utils.instantiate", "hydra.utils.call", "hydra.utils.get_object", "hydra.utils.get_class"),
    *("hydra.utils.get_method", "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load"),
    *("torch.hub.load", "torch.jit.load", "torch.hub.load_state_dict_from_url", "pandas.read_pickle"),
    *("torch.serialization.add_safe_globals", "torch.serialization.safe_globals"),
}
# The keyword that makes a call safe, and its only safe value.
ONLY_WITH = {"torch.load": ("weights_only", True), "numpy.load": ("allow_pickle", False)}
NEED_WEIGHTS_ONLY = ("ckpt_path", "checkpoint_path")  # Lightning's, where a method is given a file


def unsafe(source: str) -> list[str]:
    """Each unsafe use as `LINE: NAME`: a name that is never to be used, a load that may run code.

    Also torchvision's own decoders of images (CVE-2026-65918), and files that Lightning is given without
    weights_only=True.
    """
    tree = ast.parse(source)
    names = _imported(tree)
    return [f"{line}: {name}" for line, name in sorted(set(_found(tree, names)))]


def _found(tree: ast.AST, names: dict[str, str]) -> Iterator[tuple[int, str]]:
    safe = {id(call.func) for call in ast.walk(tree) if isinstance(call, ast.Call) and _is_safe(call, names)}
    arguments = set(_arguments(tree))
    for node in ast.walk(tree):
        name = "" if id(node) in arguments else _name(node, names)
        if name in NEVER or (name in ONLY_WITH and id(node) not in safe) or name.startswith("torchvision.io"):
            yield node.lineno, name  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and _gives_a_file(node) and not _has(node, "weights_only", True):
            yield node.lineno, "weights_only"


def _arguments(tree: ast.AST) -> Iterator[int]:
    """Where a function uses its own arguments, which may be called `compile`."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            own = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
            yield from (id(n) for n in ast.walk(function) if isinstance(n, ast.Name) and n.id in own)


def _imported(tree: ast.AST) -> dict[str, str]:
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom):
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def _name(node: ast.AST, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id).removeprefix("builtins.")
    if isinstance(node, ast.Attribute) and (inner := _name(node.value, names)):
        return f"{inner}.{node.attr}".removeprefix("builtins.")
    return ""


def _is_safe(call: ast.Call, names: dict[str, str]) -> bool:
    return _has(call, *ONLY_WITH.get(_name(call.func, names), ("", None)))


def _gives_a_file(call: ast.Call) -> bool:
    to_lightning = isinstance(call.func, ast.Attribute) and call.func.attr in (
        "fit",
        "validate",
        "test",
        "predict",
    )
    return to_lightning and any(k.arg in NEED_WEIGHTS_ONLY for k in call.keywords)


def _has(call: ast.Call, keyword: str, value: object) -> bool:
    return any(
        k.arg == keyword and isinstance(k.value, ast.Constant) and k.value.value is value
        for k in call.keywords
    )
